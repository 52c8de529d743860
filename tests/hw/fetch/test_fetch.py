"""Fetch: the rows of all jobs in order, when the window has room and their channel was ready.

Latency: `ROW_PUSH` cycles from issue to push. Throughput: one row per cycle, one cycle between layers.
"""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from golden.spec import latency
from golden.spec.config import Config
from golden.spec.memories import Memory, Operation, front_record, tap_record
from hw.fetch.fetch import Fetch
from tests.hw.bench import NANO, join, load_words, seeded, simulate, some, split

CONFIG = replace(NANO, engines=2)
DECODE = 3
"""Cycles that read and decode the first instruction."""


@dataclass(frozen=True)
class Pushed:
    """A row as it must come: its bytes, and the turns that must be done before it is issued."""

    data: int
    marker: bool
    rewind: bool
    need: int
    layer: int


@dataclass(frozen=True)
class Case:
    """Front words, tap words and feature memory with the rows that follow from them."""

    front: list[int]
    taps: list[int]
    memory: list[int]
    rows: list[Pushed]


def random_case(seed: int, config: Config, layers: int, gated: bool) -> Case:
    rng = seeded(seed)
    lanes, size = config.lanes, config.feature_words * config.lanes
    memory = [some(rng, 0, 255) for _ in range(size)]
    tap_words = [(rng.getrandbits(lanes), some(rng, -size, size - 1)) for _ in range(config.tap_words)]
    taps = [tap_record(config).pack(mask=mask, pixel=pixel) for mask, pixel in tap_words]
    front, rows = [], []
    for layer in range(layers):
        rounds, tiles, channels, count = (
            rng.randint(1, 2),
            rng.randint(1, 3),
            rng.randint(1, 5),
            rng.randint(1, 4),
        )
        first, step, each = (
            (rng.randint(0, 3), rng.randint(0, 2), rng.randint(1, 3)) if gated else (0, 0, channels)
        )
        values = {
            "operation": Operation.LAYER,
            "rounds": rounds,
            "tiles": tiles,
            "channels": channels,
            "taps": count,
            "tap_address": rng.randrange(config.tap_words - tiles * count),
            "input_address": rng.randrange(config.feature_words),
            "input_stride": rng.randrange(config.feature_words),
            "ready_first": first,
            "ready_step": step,
            "ready_channels": each,
            "moves": rng.randint(0, 1),
            "low": rng.randint(0, 1),
        }
        front.append(front_record(config).pack(**values))
        for round_ in range(rounds):
            moved = round_ if values["moves"] else 0
            for tile in range(tiles):
                for channel in range(channels):
                    number = moved * channels + channel
                    base = (values["input_address"] + number * values["input_stride"]) * lanes
                    for tap in range(count):
                        mask, pixel = tap_words[values["tap_address"] + tile * count + tap]
                        data = [
                            memory[(base + pixel + lane) % size] if mask >> lane & 1 else -128 * values["low"]
                            for lane in range(lanes)
                        ]
                        turn = moved * (channels // each) + channel // each
                        need = first + turn + turn // config.engines * step
                        rows.append(Pushed(join(data, 8), False, False, need, layer))
                rows.append(Pushed(0, True, tile < tiles - 1, 0, layer))
    return Case([*front, 0], taps, memory, rows)


class Run:
    """Feature memory, engines and drain around the fetch unit."""

    def __init__(self, config: Config, case: Case, slow: float, seed: int) -> None:
        self.config, self.case, self.slow = config, case, slow
        self.rng = seeded(seed)
        self.dut = Fetch(config)
        self.pushed_at: list[int] = []

    def run(self) -> "Run":
        simulate(self.dut, self._bench)
        return self

    async def _bench(self, ctx: Any) -> None:
        dut, config, case = self.dut, self.config, self.case
        await load_words(ctx, dut, config, Memory.FRONT, case.front)
        await load_words(ctx, dut, config, Memory.TAP, case.taps)
        for _ in range(2):  # the second run begins from FINISHED
            self.pushed_at.clear()
            await self._one_run(ctx)

    async def _one_run(self, ctx: Any) -> None:
        dut, config, case, rng = self.dut, self.config, self.case, self.rng
        window = config.window
        ctx.set(dut.start, 1)
        ctx.set(dut.turns_done, 0)
        for engine in range(config.engines):
            ctx.set(dut.engine_row[engine], 0)
        await ctx.tick()
        ctx.set(dut.start, 0)
        oldest = [0] * config.engines
        done = 0
        # What was true when a row was issued: its push comes ROW_PUSH cycles later.
        room_at: list[int] = []
        done_at: list[int] = []
        turns = config.engines * sum(row.marker for row in case.rows)
        data = 0
        for cycle in range(20000):
            assert not ctx.get(dut.illegal)
            if ctx.get(dut.push.valid):
                number = len(self.pushed_at)
                row = case.rows[number]
                assert ctx.get(dut.push.marker) == row.marker
                if row.marker:
                    assert ctx.get(dut.push.rewind) == row.rewind
                else:
                    assert ctx.get(dut.push.data) == row.data, f"row {number}"
                    pixels = split(row.data, 8, config.lanes)
                    assert ctx.get(dut.push.busy) == join((pixel != 0 for pixel in pixels), 1)
                issued = cycle - latency.ROW_PUSH
                assert number - room_at[issued - 1] < window, f"row {number} overflows the window"
                assert done_at[issued - 1] >= row.need, f"row {number} is not ready"
                self.pushed_at.append(cycle)
            room_at.append(min(oldest))
            done_at.append(done)
            # Memory port A, from the address that was there before the edge.
            start, after = ctx.get(dut.features.word), ctx.get(dut.features.next_word)
            rotation = ctx.get(dut.features.rotation)
            lanes = config.lanes
            words = [after if lane < rotation else start for lane in range(lanes)]
            data = join((case.memory[word * lanes + lane] for lane, word in enumerate(words)), 8)
            await ctx.tick()
            ctx.set(dut.features.data, data)
            if len(self.pushed_at) == len(case.rows):
                assert not ctx.get(dut.finished) or done == turns
                done = turns
                ctx.set(dut.turns_done, done)
                await ctx.tick().repeat(3)
                assert ctx.get(dut.finished)
                assert not ctx.get(dut.push.valid)
                return
            # Engines follow what was pushed; turns get done as needed, late if `slow`.
            for engine in range(config.engines):
                if oldest[engine] < len(self.pushed_at) and rng.random() >= self.slow:
                    oldest[engine] += 1
                ctx.set(dut.engine_row[engine], oldest[engine] % (2 * window))
            following = case.rows[len(self.pushed_at)].need
            if done < max(following, max(row.need for row in case.rows)) and rng.random() >= self.slow:
                done += 1
            ctx.set(dut.turns_done, done)
        raise AssertionError(f"{len(self.pushed_at)} of {len(case.rows)} rows were pushed")


@pytest.mark.parametrize("gated", [False, True], ids=["open", "gated"])
@pytest.mark.parametrize("slow", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("seed", range(3))
def test_random_layers(seed: int, slow: float, gated: bool) -> None:
    config = replace(CONFIG, window=[8, 16][seed % 2])
    case = random_case(seed, config, 3, gated)
    assert len(Run(config, case, slow, seed).run().pushed_at) == len(case.rows)


@pytest.mark.parametrize("seed", range(5))
def test_one_row_per_cycle_and_one_cycle_between_layers(seed: int) -> None:
    config = replace(CONFIG, window=64)
    case = random_case(seed, config, 4, gated=False)
    pushed = Run(config, case, 0.0, seed).run().pushed_at
    # In cycle 0 the units leave their start; the first row is issued after read, decode and the walk's lead.
    first = latency.FIRST_ROW + latency.ROW_PUSH
    expected = [first + number + row.layer for number, row in enumerate(case.rows)]
    assert pushed == expected


def test_the_window_is_used_to_its_last_place() -> None:
    """Engines that stand still get exactly `window` rows."""
    config = replace(CONFIG, window=8)
    case = random_case(2, config, 4, gated=False)
    assert len(case.rows) > 20
    dut = Fetch(config)

    async def bench(ctx: Any) -> None:
        await load_words(ctx, dut, config, Memory.FRONT, case.front)
        await load_words(ctx, dut, config, Memory.TAP, case.taps)
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        for engine, other in ((0, 1), (1, 0)):
            count = 0
            for _ in range(60):
                count += ctx.get(dut.push.valid)
                await ctx.tick()
            # The slowest engine decides.
            assert count == (8 if engine == 0 else 3)
            ctx.set(dut.engine_row[engine], 5)
            ctx.set(dut.engine_row[other], 3)

    simulate(dut, bench)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("operation", 2),
        ("operation", 3),
        *((name, 0) for name in ("rounds", "tiles", "channels", "taps", "ready_channels")),
    ],
)
@pytest.mark.parametrize("position", [0, 1])
def test_illegal_instructions(field: str, value: int, position: int) -> None:
    good = {f.name: 1 for f in front_record(NANO).fields} | {"ready_first": 0, "ready_step": 0}
    words = [front_record(NANO).pack(**good)] * position
    words += [front_record(NANO).pack(**good | {field: value}), 0]
    dut = Fetch(NANO)

    async def bench(ctx: Any) -> None:
        await load_words(ctx, dut, NANO, Memory.FRONT, words)
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        await ctx.tick().repeat(DECODE + 4 * position)
        assert ctx.get(dut.illegal)
        assert not ctx.get(dut.finished)

    simulate(dut, bench)


def test_a_run_without_layers_is_finished() -> None:
    dut = Fetch(NANO)

    async def bench(ctx: Any) -> None:
        await load_words(ctx, dut, NANO, Memory.FRONT, [0])
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        assert not ctx.get(dut.finished)
        await ctx.tick().repeat(DECODE)
        assert ctx.get(dut.finished)
        # Not while a turn that was fetched is not done, or the other way round.
        ctx.set(dut.turns_done, 1)
        assert not ctx.get(dut.finished)

    simulate(dut, bench)
