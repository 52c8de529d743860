"""Where the tensors of a network lie: strides, and addresses of all that live at one time."""

from collections.abc import Iterable
from dataclasses import replace

from golden.compiler.placement import Life, place_within
from golden.compiler.plan import Layouts
from golden.graph.joined import SideBySide
from golden.graph.network import Network
from golden.machine.tensors import extent
from golden.spec.config import Config
from golden.spec.tensor import Tensor


def plan_tensors(network: Network, layouts: Layouts, config: Config) -> dict[str, Tensor]:
    """Every tensor and every concatenation, not yet placed: all at address 0."""
    names = (network.input, *(layer.output for layer in network.layers), *network.joined)
    tensors = {name: _unplaced(network, name, layouts) for name in names}
    strides = {name: layouts.stride(tensor, config.lanes) for name, tensor in tensors.items()}
    # The drain steps through a residual and its output with one stride, a reader through a concatenation.
    ties = [(layer.output, name) for layer in network.layers for name in layer.reads]
    ties += [(part, whole) for whole, parts in network.joined.items() for part in parts]
    settled = False
    while not settled:
        settled = True
        for one, other in ties:
            if strides[one] != strides[other]:
                strides[one] = strides[other] = max(strides[one], strides[other])
                settled = False
    return {name: replace(tensor, stride=strides[name]) for name, tensor in tensors.items()}


def place_tensors(network: Network, tensors: dict[str, Tensor], config: Config) -> dict[str, Tensor]:
    """Every tensor in its place. Raises CapacityError naming the tensor and both sizes."""
    written = {network.input: 0}
    read = {network.input: 0}
    for index, layer in enumerate(network.layers):
        written[layer.output] = read[layer.output] = index
        for name in (layer.input, *layer.reads):
            read |= dict.fromkeys(network.joined.get(name, (name,)), index)
    read |= dict.fromkeys(network.outputs, len(network.layers))
    rows = _rows(network, written)
    lives = {
        row: Life(
            " + ".join(row),
            sum(_room(tensors[name], config) for name in row),
            min(written[name] for name in row),
            max(read[name] for name in row),
        )
        for row in rows
    }
    addresses = place_within([*lives.values()], config.feature_words).addresses
    found = {}
    for row, life in lives.items():
        address = addresses[life.name]
        for name in row:
            found[name] = address
            address += _room(tensors[name], config)
    found |= {name: found[parts[0]] for name, parts in network.joined.items()}
    return {name: replace(tensor, address=found[name]) for name, tensor in tensors.items()}


def _rows(network: Network, names: Iterable[str]) -> list[tuple[str, ...]]:
    """Tensors that lie one behind the other: those of a concatenation, and those that leave together."""
    side = SideBySide(network.joined.values())
    rows = list(dict.fromkeys(side.row(name) for name in names))
    sent = [side.row(name) for name in network.outputs]
    together = tuple(name for row in dict.fromkeys(sent) for name in row)
    return [row for row in rows if row not in sent] + [together]


def _room(tensor: Tensor, config: Config) -> int:
    """Words from its first one to where another tensor behind it may begin."""
    return max(tensor.shape[0] * tensor.stride, extent(tensor, config.lanes))


def _unplaced(network: Network, name: str, layouts: Layouts) -> Tensor:
    feature = network.features[name]
    return layouts.tensor(name, feature.shape, feature.scale)
