"""The time of the array's passes of training (docs/machine.md, sections 10 and 11), to the cycle."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

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


@dataclass(frozen=True)
class PassTiming:
    """Of a pass.

    Parameters
    ----------
    cycles: from the start of the array to its end; the units' cycle 0 is the one behind the start.
    used: cycles, counted likewise, in which the pass uses the port of the feature memory: a FORWARD pass
        writes words, a GRADIENT pass reads errors. None of an ERROR pass, which has no norm beside it.
    """

    cycles: int
    used: tuple[int, ...] = ()


def pass_timing(config: Config, layers: list[Layer], kind: Command, addend: bool = False) -> PassTiming:
    """Cycles of a pass, layer after layer.

    Parameters
    ----------
    layers: its parts; of a gradient pass with the forward codes.  kind: FORWARD, ERROR or GRADIENT.
    addend: an error pass adds a map.
    """
    if kind == Command.GRADIENT:
        return _gradient(config, layers)
    slices = config.lanes // config.basis
    spacing = latency.slow_terms(slices, addend) if kind == Command.ERROR else 1
    engines = [PairEngine(engine_jobs(layers, engine)) for engine in range(config.engines)]
    drain = DrainModel(layers, engines, config, Pace(spacing=spacing))
    run_units(FetchModel(layers, config), engines, drain)
    used: tuple[int, ...] = ()
    if kind == Command.FORWARD:
        # A word is written in the cycle after its last slice has become bytes.
        demand_words_apart(layers, config, drain.terms)
        after = latency.OPERANDS + latency.BLOCKS + 1
        used = tuple(term + after for term in drain.terms[slices - 1 :: slices])
    return PassTiming(drain.free + 1, used)


def demand_words_apart(layers: list[Layer], config: Config, terms: Sequence[int]) -> None:
    """AssertionError where words of a channel follow each other faster than their statistics can.

    What the array is made of keeps them apart (a job of one word takes as long), and hardware does not look:
    here, where every cycle of every step is known, somebody does.

    Parameters
    ----------
    terms: cycles of the terms of a FORWARD pass, in their order.
    """
    slices = config.lanes // config.basis
    starts = iter(terms[::slices])
    for number, layer in enumerate(layers):
        back = layer.back
        together = config.engines * back["engine_filters"]
        for round_ in range(back["rounds"]):
            channels = min(together, back["filters"] - round_ * together)
            cycles = np.array(list(islice(starts, channels * back["tiles"]))).reshape(-1, channels)
            near = latency.words_apart(slices, channels)
            nearest = int(np.diff(cycles, axis=0).min(initial=near))
            assert nearest >= near, (
                f"layer {number}, round {round_}: words of a channel are {nearest} cycles apart; "
                f"statistics need {near}"
            )


def _gradient(config: Config, layers: list[Layer]) -> PassTiming:
    layers = [
        replace(
            layer,
            decoded=replace(
                layer.decoded,
                blocks=tuple(tuple(_all_live(block) for block in round_) for round_ in layer.decoded.blocks),
            ),
        )
        for layer in layers
    ]
    engines = [GradientEngine(engine_jobs(layers, engine)) for engine in range(config.engines)]
    pace = Pace(release=latency.ERROR_CODES + 2, reads=False)
    drain = DrainModel(layers, engines, config, pace)
    run_units(FetchModel(layers, config), engines, drain, lambda: all(it.ended for it in engines))
    # Every engine waits for codes that do not come, and what was added is written.
    idle = max(engine.ended_at for engine in engines) + 1 + latency.gradient(config.lanes)
    slices = config.lanes // config.basis
    # A word is read in the cycle after its first token.
    used = tuple(term + 1 for term in drain.terms[::slices])
    return PassTiming(max(drain.free, idle) + 1, used)


def _all_live(block: Block) -> PairBlock:
    """All but END adds."""
    assert isinstance(block, PairBlock)
    return replace(block, code=np.where(block.code == formats.CODE_END, block.code, 0))
