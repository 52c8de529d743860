"""Fetch unit and drain as the cycle model sees them (docs/machine.md, section 8)."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from golden.cycles.layers import Layer
from golden.datapath.progress import round_needs
from golden.datapath.protocol import EngineModel, Job
from golden.spec import formats, latency
from golden.spec.config import Config
from golden.spec.memories import Fold


class FetchModel:
    """Issues at most one row per cycle, in order."""

    def __init__(self, layers: list[Layer], config: Config) -> None:
        self._engines = config.engines
        self._rows = self._walk(layers)
        self._next = next(self._rows, None)
        self._window = config.window
        self._free = latency.FIRST_ROW
        self._issued = 0
        self._written = 0
        self._under_way: deque[int] = deque()

    def _walk(self, layers: list[Layer]) -> Iterator[tuple[int, bool]]:
        """For each row: turns that must be done before it; whether it is the last one of its layer."""
        for layer in layers:
            front = layer.front
            for round_ in range(front["rounds"]):
                needs = np.repeat(round_needs(front, round_, self._engines), front["taps"]).tolist()
                for tile in range(front["tiles"]):
                    for need in needs:
                        yield need, False
                    yield 0, round_ == front["rounds"] - 1 and tile == front["tiles"] - 1

    def written(self, cycle: int) -> int:
        """Rows that the engines see in this cycle."""
        while self._under_way and self._under_way[0] <= cycle:
            self._under_way.popleft()
            self._written += 1
        return self._written

    def step(self, cycle: int, oldest: int, turns_done: int) -> None:
        if cycle < self._free or self._next is None:
            return
        need, last = self._next
        if self._issued - oldest < self._window and turns_done >= need:
            self._issued += 1
            self._under_way.append(cycle + latency.ROW_SEEN)
            self._next = next(self._rows, None)
            if last:
                self._free = cycle + latency.NEXT_LAYER_ROW


@dataclass(frozen=True)
class Pace:
    """What a pass of training changes in a drain.

    Parameters
    ----------
    spacing: cycles from a term to the next one.
    release: from a turn's last term to the cycle in which the engine sees the bank released.
    reads: terms read sums, for which an engine stands still.
    """

    spacing: int = 1
    release: int = 1
    reads: bool = True


class DrainModel:
    """Takes jobs in order, engine by engine."""

    def __init__(
        self,
        layers: list[Layer],
        engines: Sequence[EngineModel],
        config: Config,
        pace: Pace | None = None,
    ) -> None:
        self._pace = pace or Pace()
        self._near = 0
        self._engines = engines
        self._slices = config.lanes // config.basis
        self._work = self._walk(layers)
        self._next = next(self._work, None)
        self._ended: deque[int] = deque(maxlen=latency.POOLED_RESIDUAL_GAP)
        self._done_at: deque[int] = deque()
        self._turns_done = 0
        self._job_of = [0] * len(engines)
        self.free = latency.DRAIN_START
        self.layer_ends: list[int] = []
        self.terms: list[int] = []
        """Cycles of the last terms of slices."""

    def _walk(self, layers: list[Layer]) -> Iterator[tuple[int, int, dict[str, int], bool]]:
        """(engine, its filters, back word, the layer ends with it)"""
        count = len(self._engines)
        for layer in layers:
            back = layer.back
            for round_ in range(back["rounds"]):
                for tile in range(back["tiles"]):
                    for engine in range(count):
                        first = (round_ * count + engine) * back["engine_filters"]
                        filters = max(0, min(back["engine_filters"], back["filters"] - first))
                        last = round_ == back["rounds"] - 1 and tile == back["tiles"] - 1
                        yield engine, filters, back, engine == count - 1 and last

    @property
    def finished(self) -> bool:
        return self._next is None

    def turns_done(self, cycle: int) -> int:
        """Turns that the fetch unit knows to be done in this cycle."""
        while self._done_at and self._done_at[0] <= cycle:
            self._done_at.popleft()
            self._turns_done += 1
        return self._turns_done

    def step(self, cycle: int) -> None:
        if cycle < self.free or self._next is None:
            return
        engine, filters, back, layer_ends = self._next
        ready = self._engines[engine].full_at
        job = self._job_of[engine]
        if len(ready) <= job or ready[job] > cycle:
            return
        last, reads = self._issue(max(cycle, self._near), filters, back) if filters else (cycle, [])
        if self._pace.reads:
            self._engines[engine].held.extend(read + latency.HOLD for read in reads)
        self._engines[engine].released_at.append(last + self._pace.release)
        self._job_of[engine] += 1
        self.free = last + 1
        self._done_at.append(last + (latency.POOLED_TURN_DONE if back["pool"] else latency.TURN_DONE))
        if layer_ends:
            self.layer_ends.append(last)
            self.free = last + latency.NEXT_LAYER_TERM
        self._next = next(self._work, None)

    def _issue(self, cycle: int, filters: int, back: dict[str, int]) -> tuple[int, list[int]]:
        """The last cycle of a turn that begins at `cycle`, and the cycles that read sums of the engine."""
        gap = latency.POOLED_RESIDUAL_GAP if back["pool"] else latency.RESIDUAL_GAP
        column = back["fold"] == Fold.COLUMN
        terms = formats.BASIS**2 if column else back["group"]
        reads: list[int] = []
        for output in range(filters * self._slices):
            last = cycle + terms - 1
            while back["residual"] and last - gap in self._ended:
                last += 1
            self._ended.append(last)
            self.terms.append(last)
            # Sums are read by the first filter of a group, for its first lanes; then they are at hand.
            if output % (self._slices * (terms if back["fold"] == Fold.GROUP else 1)) == 0:
                k = formats.BASIS
                reads += range(cycle, last, k) if column else [*range(cycle, cycle + terms - 1), last]
            cycle = last + self._pace.spacing
        self._near = cycle
        return last, reads


def engine_jobs(layers: list[Layer], engine: int) -> list[Job]:
    """The jobs of an engine, in order."""
    return [
        Job(
            layer.decoded.blocks[round_][engine],
            None if layer.zero is None else layer.zero[round_][tile],
            tile < layer.front["tiles"] - 1,
        )
        for layer in layers
        for round_ in range(layer.front["rounds"])
        for tile in range(layer.front["tiles"])
    ]


def run_units(
    fetch: FetchModel,
    engines: Sequence[EngineModel],
    drain: DrainModel,
    ended: Callable[[], bool] = lambda: True,
) -> None:
    """Cycle after cycle, until the drain has taken all jobs, and `ended` holds."""
    # Rows that the slowest engine was at.
    slowest: deque[int] = deque([0] * latency.GRANT, maxlen=latency.GRANT)
    cycle = 0
    while not (drain.finished and ended()):
        drain.step(cycle)
        row = min(engine.row for engine in engines)
        for engine in engines:
            engine.step(cycle, fetch.written(cycle))
        fetch.step(cycle, slowest[0], drain.turns_done(cycle - latency.GRANT))
        slowest.append(row)
        cycle += 1
