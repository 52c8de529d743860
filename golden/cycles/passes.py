"""The time of the array's passes of training (docs/machine.md, sections 10 and 11), to the cycle."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from golden.cycles.layers import Layer
from golden.cycles.units import DrainModel, FetchModel, Pace, engine_jobs, run_units
from golden.datapath.cycles import PairEngine
from golden.datapath.decode import PairBlock
from golden.datapath.protocol import Block, Job
from golden.spec import formats, latency
from golden.spec.commands import Command
from golden.spec.config import Config

_BANKS = 2


class GradientEngine(PairEngine):
    """An engine in a gradient pass: END waits for nothing, but a job waits for its error codes.

    `full_at`: cycles in which the drain knows that the bank waits for codes, from the start on for two jobs.
    """

    def __init__(self, jobs: Sequence[Job]) -> None:
        super().__init__(jobs)
        self._count = len(jobs)
        self.full_at = [0] * _BANKS
        self.ended_at = 0

    @property
    def ended(self) -> bool:
        """All jobs are."""
        return self._under_way == self._count

    @property
    def _under_way(self) -> int:
        return len(self.full_at) - _BANKS

    def _still(self, cycle: int) -> bool:
        job = self._under_way
        return len(self.released_at) <= job or self.released_at[job] > cycle

    def _end(self, cycle: int) -> bool:
        self.full_at.append(cycle + 1 + latency.GRANT)
        self.ended_at = cycle
        return True


def pass_cycles(config: Config, layer: Layer, kind: Command) -> int:
    """Cycles from the start of the array to its end; the units' cycle 0 is the one behind the start.

    Parameters
    ----------
    layer: the pass; of a gradient pass with the forward codes.  kind: FORWARD, ERROR or GRADIENT.
    """
    if kind == Command.GRADIENT:
        return _gradient(config, layer)
    spacing = latency.slow_terms(config.lanes // config.basis) if kind == Command.ERROR else 1
    engines = [PairEngine(engine_jobs([layer], engine)) for engine in range(config.engines)]
    drain = DrainModel([layer], engines, config, Pace(spacing=spacing))
    run_units(FetchModel([layer], config), engines, drain)
    return drain.free + 1


def _gradient(config: Config, layer: Layer) -> int:
    blocks = tuple(tuple(_all_live(block) for block in round_) for round_ in layer.decoded.blocks)
    layer = replace(layer, decoded=replace(layer.decoded, blocks=blocks))
    engines = [GradientEngine(engine_jobs([layer], engine)) for engine in range(config.engines)]
    pace = Pace(release=latency.ERROR_CODES + 2, reads=False)
    drain = DrainModel([layer], engines, config, pace)
    run_units(FetchModel([layer], config), engines, drain, lambda: all(it.ended for it in engines))
    # Every engine waits for codes that do not come, and what was added is written.
    idle = max(engine.ended_at for engine in engines) + 1 + latency.gradient(config.lanes)
    return max(drain.free, idle) + 1


def _all_live(block: Block) -> PairBlock:
    """All but END adds."""
    assert isinstance(block, PairBlock)
    return replace(block, code=np.where(block.code == formats.CODE_END, block.code, 0))
