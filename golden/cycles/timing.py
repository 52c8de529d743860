"""The cycle model: how many cycles a run takes, to the last one.

It follows rows, entries and jobs through the units that docs/machine.md describes (section 8 has the
latencies), not their data.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from golden.cycles.layers import read_layers
from golden.cycles.units import DrainModel, FetchModel, engine_jobs, run_units
from golden.datapath.protocol import datapath
from golden.spec.program import Program


@dataclass(frozen=True)
class Timing:
    """Cycles of one run.

    Parameters
    ----------
    cycles: from the start to the end, as the hardware's counter says.
    layer_ends: for each layer, the cycle of its last basis term.
    row_stalls: cycles in which an engine waited for a row, summed over engines.
    bank_stalls: cycles in which an engine waited for a free bank, summed over engines.
    """

    cycles: int
    layer_ends: tuple[int, ...]
    row_stalls: int
    bank_stalls: int


def count_cycles(program: Program, tensors: Mapping[str, Any] | None = None) -> Timing:
    """The cycles of a run.

    Parameters
    ----------
    tensors: None to count with skipping off, which does not depend on the data; else every tensor of
        one image, int8 (1, C, H, W), to count with skipping of zero rows on (only shift-adds are skipped).
    """
    layers = read_layers(program, tensors)
    model = datapath(program.config).engine
    engines = [model(engine_jobs(layers, engine)) for engine in range(program.config.engines)]
    drain = DrainModel(layers, engines, program.config)
    run_units(FetchModel(layers, program.config), engines, drain)
    return Timing(
        cycles=drain.free + 1,
        layer_ends=tuple(drain.layer_ends),
        row_stalls=sum(engine.row_stalls for engine in engines),
        bank_stalls=sum(engine.bank_stalls for engine in engines),
    )
