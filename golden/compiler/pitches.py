"""Row pitches: how far apart the rows of a map lie, so that neighbours of a layer's map are neighbours of its
input's.

A map and its input have rows of different widths where padding does not make up for the kernel. Then both lie
with the larger pitch. What stands between the rows of the narrower one nobody reads: tap masks leave it out.
A map of one row a plane puts no demand on its input, nor one whose rows fill whole words of lanes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from golden.compiler.checks import map_shape
from golden.compiler.degrees import map_name
from golden.graph.network import Network
from golden.spec.tensor import plane_shape


@dataclass(frozen=True)
class _Tie:
    """Two maps of one pitch; `loose`: unless that of `map` is whole words of lanes."""

    other: str
    map: str
    loose: bool


def row_pitches(
    network: Network, degrees: Mapping[str, tuple[int, int]], lanes: int | None = None
) -> dict[str, int]:
    """Pitch of every feature and of every map before pooling (`map_name`), the smallest that agree.

    Parameters
    ----------
    degrees: of `phase_degrees`.
    lanes: None takes no row for whole words.
    """
    shapes = {name: feature.shape for name, feature in network.features.items()}
    shapes |= {map_name(network, i): map_shape(network, it) for i, it in enumerate(network.layers)}
    widths = {name: plane_shape(shape, degrees[name])[1] for name, shape in shapes.items()}
    ties = [*_ties(network, degrees, shapes)]
    tight = [it for it in ties if lanes is None or not it.loose or widths[it.map] % lanes]
    while True:
        pitches = _joined(widths, tight)
        broken = [
            it
            for it in ties
            if it not in tight and pitches[it.map] != pitches[it.other] and pitches[it.map] % (lanes or 1)
        ]
        if not broken:
            return pitches
        tight += broken


def _ties(
    network: Network, degrees: Mapping[str, tuple[int, int]], shapes: Mapping[str, tuple[int, int, int]]
) -> Iterator[_Tie]:
    for index, layer in enumerate(network.layers):
        name = map_name(network, index)
        if plane_shape(shapes[name], degrees[name])[0] == 1:
            continue
        # A pooled map lies nowhere, but for the words of a tensor that is added to it.
        if layer.per_pixel or layer.reads:
            yield _Tie(layer.input, name, True)
        yield from (_Tie(other, name, False) for other in layer.reads)
    for whole, parts in network.joined.items():
        yield from (_Tie(part, whole, False) for part in parts)


def _joined(widths: Mapping[str, int], ties: list[_Tie]) -> dict[str, int]:
    """The largest width of all maps that are tied to each other, for each of them."""
    group = {name: {name} for name in widths}
    for tie in ties:
        both = group[tie.other] | group[tie.map]
        group |= dict.fromkeys(both, both)
    return {name: max(widths[other] for other in names) for name, names in group.items()}
