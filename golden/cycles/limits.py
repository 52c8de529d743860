"""Which part of the machine a layer waits for, and what would help."""

from collections.abc import Iterator
from dataclasses import dataclass

from golden.cycles.layers import Layer, read_layers
from golden.cycles.timing import count_cycles
from golden.spec import formats
from golden.spec.config import Config
from golden.spec.memories import Fold
from golden.spec.program import Program

FETCH, ADDERS, WRITEBACK, WAITING = "fetch", "adders", "writeback", "waiting"
BUSY = 0.75
"""A layer waits for the part that is busy for at least this share of its cycles, if there is one."""

HELP = {
    FETCH: "a row a cycle feeds all engines, so keeping fewer weights saves nothing; fewer input channels or "
    "kernel positions would, or more lanes where the map is wider than they are",
    ADDERS: "as it should be; fewer kept weights, or more engines, save cycles",
    WRITEBACK: "few weights for each output; a larger `basis` of the configuration, or no basis here",
    WAITING: "no part is busy: the layer is small, or waits for the end of the one before it",
}
"""Part → what it means for the user, and what would help."""


@dataclass(frozen=True)
class LayerLimit:
    """One layer, zero rows not skipped.

    Parameters
    ----------
    path: of the layer.
    cycles: that it adds to the run: from the end of the layer before to its own.
    parts: FETCH, ADDERS, WRITEBACK → the cycles that it keeps that part busy.
    utilisation: shift-adds ÷ (shift-adders × cycles).
    """

    path: str
    cycles: int
    parts: dict[str, int]
    utilisation: float

    @property
    def part(self) -> str:
        """The part that it waits for, or WAITING."""
        part = max(self.parts, key=self.parts.__getitem__)
        return part if self.parts[part] >= BUSY * self.cycles else WAITING


def layer_limits(program: Program) -> Iterator[LayerLimit]:
    """Every layer of a program, in order. Raises MachineError as `count_cycles`."""
    config = program.config
    ends = [end + 1 for end in count_cycles(program).layer_ends]
    for counts, layer, start, end in zip(
        program.layers, read_layers(program, None), [0, *ends[:-1]], ends, strict=True
    ):
        cycles = max(1, end - start)
        yield LayerLimit(
            path=counts.path,
            cycles=cycles,
            parts={FETCH: _fetch(layer), ADDERS: _adders(layer), WRITEBACK: _writeback(layer, config)},
            utilisation=counts.steps * counts.output_pixels / (config.adders * cycles),
        )


def _jobs(layer: Layer) -> int:
    return layer.front["rounds"] * layer.front["tiles"]


def _fetch(layer: Layer) -> int:
    """Rows, one a cycle, and a marker behind each job."""
    return _jobs(layer) * (layer.decoded.rows + 1)


def _adders(layer: Layer) -> int:
    """Entries of the engine that has most in each round, END too, one a cycle."""
    longest = sum(max(len(block.value) for block in blocks) for blocks in layer.decoded.blocks)
    return longest * layer.front["tiles"]


def _writeback(layer: Layer, config: Config) -> int:
    """Terms of the basis stage, `basis` lanes a cycle."""
    back = layer.back
    terms = formats.BASIS**2 if back["fold"] == Fold.COLUMN else back["group"]
    return back["filters"] * layer.front["tiles"] * terms * (config.lanes // config.basis)
