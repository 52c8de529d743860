"""Phase degrees: how each tensor is split so that strided layers still read neighbours.

A layer of stride s whose output map has degree d reads neighbouring output pixels as input pixels
s·d apart, so its input must have degree s·d. A residual has the degree of the map it is added to, and so
have the parts of a concatenation. Where a layer reads an enlarged map, the other way round: neighbours of a
phase of its own map are neighbours of the map as it lies.
Rows and columns have degrees of their own. A map of one row puts no demand on the rows of its input, one of
one pixel none at all; that of a map of one column keeps its rows near each other.
"""

from collections import defaultdict, deque
from collections.abc import Collection
from fractions import Fraction
from math import gcd, lcm

from golden.compiler.checks import map_shape
from golden.graph.network import Network
from golden.spec.errors import UnsupportedError

_Edge = tuple[str, Fraction, str]


def map_name(network: Network, index: int) -> str:
    """Key of the map of a layer: its output, or a name of its own where pooling follows."""
    layer = network.layers[index]
    return layer.output if layer.per_pixel else f"{layer.output} before pooling"


def phase_degrees(
    network: Network, split: tuple[int, int] = (1, 1), of: Collection[str] = ()
) -> dict[str, tuple[int, int]]:
    """Degree of every feature and of every map before pooling (`map_name`): the smallest that agree.

    Parameters
    ----------
    split: times as many, down and across, of the maps `of` and of all that hang together with them.

    Raises UnsupportedError naming the layers whose demands on one tensor differ.
    """
    down, across = (_axis_degrees(network, axis, split[axis], of) for axis in range(2))
    return {name: (degree, across[name]) for name, degree in down.items()}


def _axis_degrees(network: Network, axis: int, split: int, of: Collection[str]) -> dict[str, int]:
    """Degrees of the rows (0) or the columns (1)."""
    edges: dict[str, list[_Edge]] = defaultdict(list)

    def demand(name: str, ratio: Fraction, other: str, path: str) -> None:
        edges[name].append((other, 1 / ratio, path))
        edges[other].append((name, ratio, path))

    for index, layer in enumerate(network.layers):
        size = map_shape(network, layer)[1:]
        output = map_name(network, index)
        if size[0] > 1 or size[axis] > 1:
            window = layer.product.window
            demand(layer.input, Fraction(window.stride[axis], window.enlarge[axis]), output, layer.path)
        if size != (1, 1):
            for name in layer.reads:
                demand(name, Fraction(1), output, layer.path)
    for whole, parts in network.joined.items():
        for name in parts:
            demand(name, Fraction(1), whole, f"the concatenation {whole}")
    degrees: dict[str, int] = {}
    names = [*network.features, *(map_name(network, i) for i in range(len(network.layers)))]
    for name in names:
        if name not in degrees:
            found = _component(name, edges)
            times = split if any(it in found for it in of) else 1
            degrees |= {it: times * degree for it, degree in found.items()}
    return degrees


def _component(start: str, edges: dict[str, list[_Edge]]) -> dict[str, int]:
    """Degrees of all tensors tied to `start`, scaled to the smallest whole numbers."""
    found: dict[str, tuple[Fraction, tuple[str, ...]]] = {start: (Fraction(1), ())}
    queue = deque([start])
    while queue:
        name = queue.popleft()
        degree, way = found[name]
        for other, ratio, path in edges.get(name, []):
            if other not in found:
                found[other] = (degree * ratio, (*way, path))
                queue.append(other)
            elif found[other][0] != degree * ratio:
                layers = dict.fromkeys((*found[other][1], *way, path))
                raise UnsupportedError(
                    f"layers {', '.join(layers)}: their strides demand two phase splits of {other!r}; "
                    "supported: the same product of strides on all ways between two tensors"
                )
    scale = lcm(*(degree.denominator for degree, _ in found.values()))
    whole = {name: int(degree * scale) for name, (degree, _) in found.items()}
    divisor = gcd(*whole.values())
    return {name: degree // divisor for name, degree in whole.items()}
