"""The plan of every layer before any word is made: its entries, its jobs and its map."""

from dataclasses import dataclass, field, replace

from golden.compiler.checks import map_shape
from golden.compiler.degrees import map_name
from golden.compiler.jobs import Jobs, check_column, choose_jobs
from golden.compiler.taps import Position, tap_positions
from golden.compiler.tiling import Tiling, row_tiles, word_tiles
from golden.compiler.unrolling import unrolled
from golden.datapath.entries import Entries
from golden.datapath.protocol import datapath
from golden.graph.network import Layer, Network, refuse
from golden.graph.operations.max_pool import MaxPool
from golden.spec.config import Config
from golden.spec.memories import Fold
from golden.spec.tensor import Tensor


@dataclass(frozen=True)
class LayerPlan:
    """One layer.

    Parameters
    ----------
    entries: its weights as stream entries, of all phases.
    phase: likewise, of one phase.
    jobs: its division into jobs.
    map: the map that it computes, before pooling; has no address of its own.
    tiling: of the first phase of that map.
    positions: what the rows of an input channel read.
    """

    layer: Layer
    entries: Entries
    phase: Entries
    jobs: Jobs
    map: Tensor
    tiling: Tiling
    positions: list[Position]

    @property
    def copies(self) -> int:
        """Filters of the machine for each of its filters: its phases, and spare ones."""
        return self.entries.filters // self.phase.filters

    @property
    def taps(self) -> int:
        """Rows of an input channel."""
        return len(self.positions)

    @property
    def rows(self) -> int:
        """Input rows of a job, without the marker."""
        return self.jobs.channels * self.taps


@dataclass(frozen=True)
class Layouts:
    """How the maps of a network lie.

    Parameters
    ----------
    degrees, pitches: of every feature and of every map before pooling (`map_name`).
    phases, spare: of the outputs of unrolled layers (`golden.compiler.unrolling`).
    """

    degrees: dict[str, tuple[int, int]]
    pitches: dict[str, int]
    phases: dict[str, tuple[int, int]] = field(default_factory=dict)
    spare: dict[str, int] = field(default_factory=dict)

    def tensor(self, name: str, shape: tuple[int, int, int], scale: float) -> Tensor:
        """A map as it lies, without a place."""
        phases = self.phases.get(name, (1, 1))
        return Tensor(name, shape, self.degrees[name], self.pitches[name], 0, 0, scale, phases)

    def stride(self, tensor: Tensor, lanes: int) -> int:
        """Words of a channel of a map, with those that spare filters write."""
        phases = tensor.phases[0] * tensor.phases[1]
        return tensor.words(lanes) // phases * (phases + self.spare.get(tensor.name, 0))


def plan_layer(network: Network, index: int, layouts: Layouts, config: Config) -> LayerPlan:
    """The plan of one layer. Raises UnsupportedError naming it."""
    layer = network.layers[index]
    if isinstance(layer.product, MaxPool) and not config.largest:
        raise refuse(
            layer,
            f"max pooling, which configuration {config.name!r} leaves out",
            "configurations with `largest`",
        )
    name, shape = map_name(network, index), map_shape(network, layer)
    scale = network.features[layer.output].scale
    output = layouts.tensor(name, shape, scale)
    phase = datapath(config).entries(layer)
    entries = unrolled(phase, layer.product.window, output.phases, layouts.spare.get(name, 0))
    if not config.bases and (entries.fold == Fold.COLUMN or entries.group > 1):
        raise refuse(
            layer,
            f"a basis, which configuration {config.name!r} leaves out",
            "a scale for each filter (`no_basis_plan`), or configurations with `bases`",
        )
    if entries.fold == Fold.COLUMN:
        check_column(layer, output, config)
    tiling = _tiling(layer, output, layouts.pitches[layer.input], entries.fold, config)
    channels = network.features[layer.input].shape[0]
    positions = tap_positions(layer, entries.fold, output.phases)
    taps = len(positions)
    jobs = choose_jobs(layer, entries, channels, taps, tiling.tiles, config)
    if jobs.moves:
        # Rows of a job begin with its first channel.
        number = entries.unit // (jobs.unit_count * config.engines)
        entries = replace(entries, row=entries.row - number * jobs.channels * taps)
    return LayerPlan(layer, entries, phase, jobs, output, tiling, positions)


def _tiling(layer: Layer, output: Tensor, input_pitch: int, fold: Fold, config: Config) -> Tiling:
    """Words of the output; where pixels are summed up, of its rows, if sums would see gaps between them.

    Raises UnsupportedError naming the layer where neither can be.
    """
    words = word_tiles(output, config.lanes)
    one_pitch = input_pitch == output.pitch or output.plane_shape[0] == 1 or output.pitch % config.lanes == 0
    if layer.per_pixel or (words.gapless and one_pitch):
        return words
    if layer.reads or fold == Fold.COLUMN:
        (_, height, width), (down, across) = output.shape, output.degree
        found = "a sum with another tensor" if layer.reads else "COLUMN folding"
        raise refuse(
            layer,
            f"pooling after {found} of a {height}×{width} map that lies in {down}×{across} phases, rows "
            f"{output.pitch} pixels apart",
            "a map without gaps between its pixels",
        )
    return row_tiles(output.shape, output.degree, config.lanes)
