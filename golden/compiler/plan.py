"""The plan of every layer before any word is made: its entries, its jobs and its tensors."""

from dataclasses import dataclass, replace

from golden.compiler.checks import map_shape
from golden.compiler.degrees import map_name
from golden.compiler.jobs import Jobs, check_column, choose_jobs
from golden.compiler.placement import Demand, place
from golden.compiler.taps import tap_positions
from golden.datapath.entries import Entries
from golden.datapath.protocol import datapath
from golden.graph.network import Layer, Network, refuse
from golden.machine.tensors import extent
from golden.spec.config import Config
from golden.spec.memories import Fold
from golden.spec.tensor import Tensor


@dataclass(frozen=True)
class LayerPlan:
    """One layer.

    Parameters
    ----------
    entries: its weights as stream entries.
    jobs: its division into jobs.
    map: the map that it computes, before pooling; has no address of its own.
    channels, taps: input channels and kernel positions; a job has channels · taps rows.
    """

    layer: Layer
    entries: Entries
    jobs: Jobs
    map: Tensor
    channels: int
    taps: int

    @property
    def rows(self) -> int:
        """Input rows of a job, without the marker."""
        return self.channels * self.taps


def plan_layer(network: Network, index: int, degrees: dict[str, int], config: Config) -> LayerPlan:
    """The plan of one layer. Raises UnsupportedError naming it."""
    layer = network.layers[index]
    shape = map_shape(network, layer)
    degree = degrees[map_name(network, index)]
    output = Tensor(layer.path, shape, degree, 0, 0, network.features[layer.output].scale)
    for operation in layer.epilogue:
        for found, supported in operation.phase_problems(shape, degree):
            raise refuse(layer, found, supported)
    entries = datapath(config).entries(layer)
    if entries.fold == Fold.COLUMN:
        check_column(layer, shape[2], degree, config)
    channels = network.features[layer.input].shape[0]
    taps = len(tap_positions(layer, entries.fold))
    tiles = degree**2 * output.plane_words(config.lanes)
    jobs = choose_jobs(layer, entries, channels * taps, tiles, config)
    return LayerPlan(layer, entries, jobs, output, channels, taps)


def plan_tensors(network: Network, degrees: dict[str, int], config: Config) -> dict[str, Tensor]:
    """Every tensor, not yet placed: all at address 0."""
    names = (network.input, *(layer.output for layer in network.layers))
    tensors = {name: _unplaced(network, name, degrees[name]) for name in names}
    strides = {name: tensor.words(config.lanes) for name, tensor in tensors.items()}
    for layer in network.layers:
        for name in layer.reads:
            # The drain steps through the residual and the output with one stride.
            strides[layer.output] = strides[name]
    return {name: replace(tensor, stride=strides[name]) for name, tensor in tensors.items()}


def place_tensors(network: Network, tensors: dict[str, Tensor], config: Config) -> dict[str, Tensor]:
    """Every tensor in its place. Raises CapacityError naming the tensor and both sizes."""
    written = {network.input: 0}
    read = {network.input: 0}
    for index, layer in enumerate(network.layers):
        written[layer.output] = read[layer.output] = index
        for name in (layer.input, *layer.reads):
            read[name] = index
    read[network.output] = len(network.layers)
    demands = [
        Demand(name, extent(tensors[name], config.lanes), written[name], read[name]) for name in written
    ]
    addresses = place(demands, config.feature_words)
    return {name: replace(tensor, address=addresses[name]) for name, tensor in tensors.items()}


def _unplaced(network: Network, name: str, degree: int) -> Tensor:
    feature = network.features[name]
    return Tensor(name, feature.shape, degree, 0, 0, feature.scale)
