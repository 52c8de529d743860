"""The cycle model: how many cycles a run takes, to the last one.

It follows rows, entries and jobs through the units that docs/machine.md describes (section 8 has the
latencies), not their data.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from golden.records import unpack_words
from golden.spec import formats
from golden.spec.config import Arithmetic, Config
from golden.spec.memories import (
    Fold,
    Operation,
    back_record,
    coefficient_record,
    front_record,
    tap_record,
)
from golden.spec.program import Program
from golden.tensors import extent, pack_tensor
from golden.weight_streams import WeightBlock, WeightStream
from golden.weight_timing import WeightEngine, stands_still

FIRST = 4
"""Cycle in which the drain may issue for the first time: the instruction is read and its beginning found."""

FIRST_ROW = 6
"""Cycle in which the first row may be issued: the fetch unit also reads its tap word."""

FETCH = 4
"""Cycles from the issue of a row until the engines see it."""

NEXT_LAYER = 2
"""Cycles from a layer's last marker until its successor's first row may be issued."""

HOLD = 1
"""Cycles from a term until its engine stands still for a cycle, since the drain reads a sum of it."""

AGAIN = 4
"""Cycles from the check of a pair with END until the first pair of the same block can be checked again."""

READY = 1
"""Cycles from a turn's count as done, or an engine's leave of a row, until a row that waits may be issued."""

FULL = 5
"""Cycles from a job's END until the drain sees its sums."""

DONE = 19
POOL_DONE = 25
"""Cycles from the last term of a turn until the fetch unit sees that it is done."""

FLUSH = 29
"""Cycles from the last term of a layer until the drain may begin the next one, or the run ends."""

RESIDUAL_GAP = 7
POOL_GAP = 13
"""With a residual, without and with pooling, an output does not end this many cycles after another."""

_DEAD, _LIVE, _END = 0, 1, 2


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


@dataclass(frozen=True)
class _Block:
    """A block of entries: rows that each one advances, and its kind."""

    advance: list[int]
    kind: list[int]


@dataclass(frozen=True)
class _Layer:
    """A layer: its instruction, blocks[engine][round], and which rows are zero (tiles, rows) if known.

    `weights` takes the place of `blocks` in the arithmetics that have streams of weights.
    """

    front: dict[str, int]
    back: dict[str, int]
    blocks: list[list[_Block]]
    weights: list[list[WeightBlock]]
    zero: list[list[bool]] | None


def count_cycles(program: Program, tensors: Mapping[str, Any] | None = None) -> Timing:
    """The cycles of a run.

    Parameters
    ----------
    tensors: None to count with skipping off, which does not depend on the data; else every tensor of
        one image, int8 (1, C, H, W), to count with skipping of zero rows on (only shift-adds are skipped).
    """
    layers = _layers(program, tensors)
    engines = [_engine(layers, engine, program.config) for engine in range(program.config.engines)]
    fetch = _Fetch(layers, program.config)
    drain = _Drain(layers, engines, program.config)
    oldest: deque[int] = deque([0] * READY, maxlen=READY)
    cycle = 0
    while not drain.finished:
        drain.step(cycle)
        at_work_on = min(engine.row for engine in engines)
        for engine in engines:
            engine.step(cycle, fetch.written(cycle))
        fetch.step(cycle, oldest[0], drain.turns_done(cycle - READY))
        oldest.append(at_work_on)
        cycle += 1
    return Timing(
        cycles=drain.free + 1,
        layer_ends=tuple(drain.layer_ends),
        row_stalls=sum(engine.row_stalls for engine in engines),
        bank_stalls=sum(engine.bank_stalls for engine in engines),
    )


def _engine(layers: list[_Layer], engine: int, config: Config) -> "_Engine | WeightEngine":
    if config.arithmetic == Arithmetic.SHIFT_ADD:
        return _Engine(layers, engine)
    jobs = [
        (layer.weights[engine][round_], tile > 0)
        for layer in layers
        for round_ in range(layer.front["rounds"])
        for tile in range(layer.front["tiles"])
    ]
    return WeightEngine(jobs, FULL)


def _ready_turns(front: dict[str, int], channel: int, engines: int) -> int:
    """Turns that must be done before a row of the channel is read (docs/machine.md, section 6)."""
    turn = channel // front["ready_channels"]
    return front["ready_first"] + turn + turn // engines * front["ready_step"]


class _Fetch:
    """Issues at most one row per cycle, in order."""

    def __init__(self, layers: list[_Layer], config: Config) -> None:
        self._engines = config.engines
        self._rows = self._walk(layers)
        self._next = next(self._rows, None)
        self._window = config.window
        self._free = FIRST_ROW
        self._issued = 0
        self._written = 0
        self._under_way: deque[int] = deque()

    def _walk(self, layers: list[_Layer]) -> Iterator[tuple[int, bool]]:
        """For each row: turns that must be done before it; whether it is the last one of its layer."""
        for layer in layers:
            front = layer.front
            needs = [
                _ready_turns(front, channel, self._engines)
                for channel in range(front["channels"])
                for _ in range(front["taps"])
            ]
            jobs = front["rounds"] * front["tiles"]
            for job in range(jobs):
                for need in needs:
                    yield need, False
                yield 0, job == jobs - 1

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
            self._under_way.append(cycle + FETCH)
            self._next = next(self._rows, None)
            if last:
                self._free = cycle + NEXT_LAYER


class _Engine:
    """Walks through its stream: one live entry per cycle, dead ones beside it for nothing.

    A pair is checked, and is in hand from the next cycle on, when its rows are there and the one before it
    leaves.
    """

    def __init__(self, layers: list[_Layer], engine: int) -> None:
        # A job's block, its zero rows, and whether the next job takes the same block again.
        self._jobs = [
            (
                layer.blocks[engine][round_],
                None if layer.zero is None else layer.zero[tile],
                tile < layer.front["tiles"] - 1,
            )
            for layer in layers
            for round_ in range(layer.front["rounds"])
            for tile in range(layer.front["tiles"])
        ]
        # Of the pair that is checked next.
        self._job = 0
        self._entry = 0
        self._first_row = 0
        self._upcoming = 0
        self._free = 0
        # Of the pair in hand: cycles that it still takes, whether END is the last one, its last row.
        self._left = 0
        self._ends = False
        self._last_row = 0
        self.row = 0
        self.held: deque[int] = deque()
        self.full_at: list[int] = []
        self.released_at: list[int] = []
        self.row_stalls = 0
        self.bank_stalls = 0

    def step(self, cycle: int, written: int) -> None:
        still = stands_still(self.held, cycle)
        if self._left:
            if still or (self._left == 1 and self._ends and not self._end(cycle)):
                return
            self._left -= 1
            self.row = self._last_row
            if self._left:
                return
        if cycle >= self._free and self._job < len(self._jobs):
            self._check(cycle, written)

    def _check(self, cycle: int, written: int) -> None:
        """Takes the next pair in hand if its rows are there."""
        block, zero, again = self._jobs[self._job]
        row = self._upcoming
        rows, costs = [], []
        for entry in range(self._entry, min(self._entry + 2, len(block.kind))):
            row += block.advance[entry]
            kind = block.kind[entry]
            rows.append(row)
            costs.append(kind == _END or (kind == _LIVE and not (zero and zero[row - self._first_row])))
        if row >= written:
            self.row_stalls += 1
            return
        # Rows before the first entry that takes a cycle are given up.
        self.row = rows[0] if costs[0] else row
        self._last_row = row
        self._entry += 2
        self._ends = self._entry >= len(block.kind)
        self._left = max(1, sum(costs))
        self._upcoming = row + self._ends
        if self._ends:
            self._job += 1
            self._entry = 0
            self._first_row = self._upcoming
            if again:
                self._free = cycle + AGAIN

    def _end(self, cycle: int) -> bool:
        """The job ends if the other bank, which held the job before it, has been drained."""
        job = len(self.full_at)
        if job and (len(self.released_at) < job or self.released_at[job - 1] > cycle):
            self.bank_stalls += 1
            return False
        self.full_at.append(cycle + FULL)
        return True


class _Drain:
    """Takes jobs in order, engine by engine."""

    def __init__(self, layers: list[_Layer], engines: "list[_Engine | WeightEngine]", config: Config) -> None:
        self._engines = engines
        self._slices = config.lanes // config.basis
        self._work = self._walk(layers)
        self._next = next(self._work, None)
        self._ended: deque[int] = deque(maxlen=POOL_GAP)
        self._done_at: deque[int] = deque()
        self._turns_done = 0
        self._job_of = [0] * len(engines)
        self.free = FIRST
        self.layer_ends: list[int] = []

    def _walk(self, layers: list[_Layer]) -> Iterator[tuple[int, int, dict[str, int], bool]]:
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
        last, reads = self._issue(cycle, filters, back) if filters else (cycle, [])
        self._engines[engine].held.extend(read + HOLD for read in reads)
        self._engines[engine].released_at.append(last + 1)
        self._job_of[engine] += 1
        self.free = last + 1
        self._done_at.append(last + (POOL_DONE if back["pool"] else DONE))
        if layer_ends:
            self.layer_ends.append(last)
            self.free = last + FLUSH
        self._next = next(self._work, None)

    def _issue(self, cycle: int, filters: int, back: dict[str, int]) -> tuple[int, list[int]]:
        """The last cycle of a turn that begins at `cycle`, and the cycles that read sums of the engine."""
        gap = POOL_GAP if back["pool"] else RESIDUAL_GAP
        column = back["fold"] == Fold.COLUMN
        terms = formats.BASIS**2 if column else back["group"]
        reads: list[int] = []
        for output in range(filters * self._slices):
            last = cycle + terms - 1
            while back["residual"] and last - gap in self._ended:
                last += 1
            self._ended.append(last)
            # Sums are read by the first filter of a group, for its first lanes; then they are at hand.
            if output % (self._slices * (1 if column else terms)) == 0:
                k = formats.BASIS
                reads += range(cycle, last, k) if column else [*range(cycle, cycle + terms - 1), last]
            cycle = last + 1
        return last, reads


def _layers(program: Program, tensors: Mapping[str, Any] | None) -> list[_Layer]:
    config = program.config
    shift_add = config.arithmetic == Arithmetic.SHIFT_ADD
    streams = [_blocks(program, engine) for engine in range(config.engines)] if shift_add else []
    weights = [] if shift_add else [WeightStream(program, engine) for engine in range(config.engines)]
    memory = np.zeros((config.feature_words, config.lanes), np.int8)
    if tensors is not None:
        _store(memory, program, program.input, tensors)
    layers = []
    for number, (front_word, back_word) in enumerate(zip(program.front, program.back, strict=True)):
        front, back = front_record(config).unpack(front_word), back_record(config).unpack(back_word)
        if front["operation"] == Operation.END:
            break
        blocks = [[next(stream) for _ in range(front["rounds"])] for stream in streams]
        rows = front["channels"] * front["taps"]
        words = [[stream.block(rows) for _ in range(front["rounds"])] for stream in weights]
        zero = None if tensors is None else _zero_rows(memory, program, front).tolist()
        layers.append(_Layer(front, back, blocks, words, zero))
        if tensors is not None:
            _store(memory, program, program.layers[number].output, tensors)
    return layers


def _store(memory: npt.NDArray[np.int8], program: Program, name: str, tensors: Mapping[str, Any]) -> None:
    tensor = program.tensor(name)
    words = pack_tensor(np.asarray(tensors[name]), tensor, program.config.lanes)[0]
    memory[tensor.address : tensor.address + extent(tensor, program.config.lanes)] = words


def _zero_rows(
    memory: npt.NDArray[np.int8], program: Program, front: dict[str, int]
) -> npt.NDArray[np.bool_]:
    """True for rows whose bytes are all zero, shape (tiles, rows of a job)."""
    lanes = program.config.lanes
    count = front["tiles"] * front["taps"]
    words = np.array(program.taps[front["tap_address"] :][:count], np.int64)
    taps = unpack_words(tap_record(program.config), words)
    channel = np.arange(front["channels"]) * front["input_stride"] + front["input_address"]
    lane = np.arange(lanes)
    byte = channel[:, None, None] * lanes + taps["pixel"][None, :, None] + lane
    mask = (taps["mask"][:, None] >> lane & 1).astype(bool)
    busy = (memory.reshape(-1)[byte % memory.size] != 0) & mask
    zero = ~busy.any(axis=2).reshape(front["channels"], front["tiles"], front["taps"])
    return zero.transpose(1, 0, 2).reshape(front["tiles"], -1)


def _blocks(program: Program, engine: int) -> Iterator[_Block]:
    """The blocks of an engine's stream, in order."""
    record = coefficient_record(program.config)
    pairs = np.array(program.coefficients[engine], np.int64)
    entries = np.stack([pairs & ((1 << record.bits) - 1), pairs >> record.bits], axis=1).reshape(-1)
    fields = unpack_words(record, entries)
    code = fields["code"]
    kind = np.where(code == formats.CODE_END, _END, np.where(code == formats.CODE_ZERO, _DEAD, _LIVE))
    first = 0
    for end in np.flatnonzero(kind == _END).tolist():
        yield _Block(fields["advance"][first : end + 1].tolist(), kind[first : end + 1].tolist())
        first = end + 2 - end % 2
