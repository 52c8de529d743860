"""LearningEngine: the sums and cycles of Engine, and gradients that are Σ rows × error codes.

Throughput of a gradient pass: every entry but END takes a cycle, if its row is not skipped. Latency: a word
is written `latency.gradient(lanes)` cycles after its step.
"""

from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest

from golden.spec import formats, latency
from golden.spec.arithmetics import coefficient_record
from golden.spec.config import Config
from golden.spec.memories import Memory, counter_record, place_record
from hw.engine.engine import Engine
from hw.learning.engine import LearningEngine
from tests.hw.bench import NANO, any_value, load_words, seeded, simulate
from tests.hw.engines import add_gradients, gradients_of, random_codes, sums_of
from tests.hw.streams import Row, Work, random_work

LEARNS = replace(NANO, basis=4, accumulators=8, accumulator_bits=24, learning=True)
WIDE = replace(LEARNS, lanes=8)
"""Error codes of a word come in two slices."""


async def look(ctx: Any, dut: Any, entry: int) -> dict[str, Any]:
    """What the engine has of an entry."""
    ctx.set(dut.entries.look, 1)
    ctx.set(dut.entries.entry, entry)
    await ctx.tick()
    ctx.set(dut.entries.look, 0)
    names = ("code", "kept", "counter", "gradient", "place")
    return {name: ctx.get(getattr(dut.entries, name)) for name in names}


async def clear(ctx: Any, dut: Any, entries: int) -> None:
    """Gradients begin at zero."""
    ctx.set(dut.entries.put_counter, 1)
    for entry in range(entries):
        ctx.set(dut.entries.put_entry, entry)
        await ctx.tick()
    ctx.set(dut.entries.put_counter, 0)


def passes(config: Config, works: list[Work], body: Any) -> None:
    """Runs `body(ctx, dut, work, block)` for each work, their streams loaded one behind the other."""
    dut = LearningEngine(config, 0)

    async def bench(ctx: Any) -> None:
        words = [work.words(config) for work in works]
        await load_words(ctx, dut, config, Memory.COEFFICIENT, [word for its in words for word in its])
        await clear(ctx, dut, 2 * sum(map(len, words)))
        block = 0
        for work, its_words in zip(works, words, strict=True):
            ctx.set(dut.block, block)
            await body(ctx, dut, work, block)
            block += len(its_words)

    simulate(dut, bench)


def two_works(config: Config, seed: int, zeros: float = 0.4) -> list[Work]:
    """Each fits half of the coefficient memory."""
    rng = seeded(seed)
    half = replace(config, coefficient_words=config.coefficient_words // 2)
    return [random_work(rng, half, blocks=3, rows=8, zeros=zeros) for _ in range(2)]


@pytest.mark.parametrize(("late", "slow"), [(0.0, 0.0), (0.4, 0.6)])
@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize(
    "config", [LEARNS, pytest.param(WIDE, marks=pytest.mark.long)], ids=["lanes4", "lanes8"]
)
def test_gradients_are_rows_times_error_codes(config: Config, skip: bool, late: float, slow: float) -> None:
    """Twice over the same rows: what comes is added. A forward pass between changes nothing."""
    rng = seeded(7)

    async def body(ctx: Any, dut: Any, work: Work, block: int) -> None:
        ctx.set(dut.skip, skip)
        total = np.zeros(2 * len(work.words(config)), np.int64)
        for _ in range(2):
            codes = random_codes(rng, config, work, config.accumulators)
            total += gradients_of(work, codes, config)
            ctx.set(dut.gradient, 1)
            await add_gradients(ctx, dut, config, work, codes, rng, late, slow)
            ctx.set(dut.gradient, 0)
            sums, _ = await sums_of(ctx, dut, config, work, rng, late, slow)
            assert sums == [work.sums(job, config) for job in range(len(work.jobs))]
        found = [(await look(ctx, dut, 2 * block + it))["gradient"] for it in range(len(total))]
        assert found == total.tolist()

    for seed in range(2):
        passes(config, two_works(config, seed, zeros=0.5), body)


def test_a_block_of_one_entry_comes_to_its_word_as_soon_as_can_be() -> None:
    """One slot's codes are written in a cycle, and the rows are there."""
    assert latency.GRADIENT_TURN <= latency.STREAM_AGAIN
    config, tiles, rng = replace(LEARNS, window=64), 30, seeded(1)
    rows: list[Row] = []
    for tile in range(tiles):
        rows.append(Row(tuple(rng.randint(-128, 127) for _ in range(config.lanes))))
        rows.append(Row((0,) * config.lanes, True, tile < tiles - 1))
    block = [(3, 0, 0), (formats.CODE_END, 0, 1)]
    work = Work([block], rows, [(0, 2 * tile) for tile in range(tiles)])

    async def body(ctx: Any, dut: Any, work: Work, block: int) -> None:
        codes = random_codes(rng, config, work, 1)
        ctx.set(dut.gradient, 1)
        cycles = await add_gradients(ctx, dut, config, work, codes, rng, 0, 0)
        assert (await look(ctx, dut, 0))["gradient"] == gradients_of(work, codes, config)[0]
        # From the check of a pair with END to that of the same pair.
        assert cycles == latency.STREAM_START + (tiles - 1) * latency.STREAM_AGAIN + 2

    passes(config, [work], body)


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_cycles_of_a_gradient_pass(seed: int, skip: bool) -> None:
    """One job: its first row, then the cycles of its pairs; then the bank is full again."""
    config = replace(LEARNS, window=64)
    rng = seeded(seed)
    work = random_work(rng, config, blocks=1, rows=8, density=0.9)
    rows = work.rows[: [row.marker for row in work.rows].index(True)]
    work = replace(work, rows=[*rows, Row((0,) * config.lanes, True)], jobs=work.jobs[:1])

    async def body(ctx: Any, dut: Any, work: Work, block: int) -> None:
        ctx.set(dut.skip, skip)
        ctx.set(dut.gradient, 1)
        codes = random_codes(rng, config, work, 1)
        cycles = await add_gradients(ctx, dut, config, work, codes, rng, 0.0, 0.0)
        # The first pair is there when the stream has read it, later than the codes.
        row, entries, at = 0, work.entries[0], latency.STREAM_START
        for position, taken in enumerate(work.pair_cycles(0, skip, gradient=True)):
            row += sum(advance for _, _, advance in entries[2 * position : 2 * position + 2])
            # Row n is seen in cycle n + 2, its pair in hand in the next one.
            at = max(at, row + 3) + taken
        assert cycles == at

    passes(config, [work], body)


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize(("late", "slow"), [(0.0, 0.0), (0.5, 0.3)])
def test_forward_is_that_of_engine(skip: bool, late: float, slow: float) -> None:
    """The same sums in the same cycles, from whichever block it starts."""
    works = two_works(LEARNS, 1)
    found: list[Any] = []
    plain = replace(LEARNS, learning=False)

    async def body(ctx: Any, dut: Any, work: Work, block: int) -> None:
        ctx.set(dut.skip, skip)
        found.append(await sums_of(ctx, dut, LEARNS, work, Random(1), late, slow))

    passes(LEARNS, works, body)
    for work, result in zip(works, found, strict=True):
        engine = Engine(plain, 0)

        async def bench(ctx: Any, engine: Any = engine, work: Work = work, result: Any = result) -> None:
            await load_words(ctx, engine, plain, Memory.COEFFICIENT, work.words(plain))
            ctx.set(engine.skip, skip)
            assert await sums_of(ctx, engine, plain, work, Random(1), late, slow) == result

        simulate(engine, bench)


def test_entries_are_read_and_written_one_by_one() -> None:
    """A write of one changes nothing beside it."""
    rng = seeded(4)
    config = replace(LEARNS, engines=3, coefficient_words=16)
    number, entry_size = 2, coefficient_record(config).bits
    dut = LearningEngine(config, number)
    words = random_work(rng, config, blocks=4, rows=6).words(config)
    codes = [word >> half * entry_size & 15 for word in words for half in range(2)]
    counters, places = (
        [{f.name: any_value(rng, f) for f in record.fields} for _ in codes]
        for record in (counter_record(), place_record(config))
    )

    async def bench(ctx: Any) -> None:
        await load_words(ctx, dut, config, Memory.COEFFICIENT + number, words)
        for memory, record, held in (
            (Memory.COUNTER, counter_record(), counters),
            (Memory.PLACES, place_record(config), places),
        ):
            packed = [record.pack(**values) for values in held]
            pairs = [low | high << record.bits for low, high in zip(packed[::2], packed[1::2], strict=True)]
            await load_words(ctx, dut, config, memory + number, pairs)
        for _ in range(300):
            entry = rng.randrange(len(codes))
            found = await look(ctx, dut, entry)
            assert found["code"] == codes[entry]
            assert {name: found[name] for name in counters[entry]} == counters[entry]
            assert {name: found["place"][name] for name in places[entry]} == places[entry]
            entry, code, counter = rng.randrange(len(codes)), rng.randrange(15), rng.randint(-7, 7)
            put_code, put_counter = rng.randrange(2), rng.randrange(2)
            ctx.set(dut.entries.put_entry, entry)
            ctx.set(dut.entries.new_code, code)
            ctx.set(dut.entries.new_counter, counter)
            ctx.set(dut.entries.put_code, put_code)
            ctx.set(dut.entries.put_counter, put_counter)
            await ctx.tick()
            ctx.set(dut.entries.put_code, 0)
            ctx.set(dut.entries.put_counter, 0)
            if put_code:
                codes[entry] = code
            if put_counter:
                counters[entry] = {"kept": 1, "counter": counter}

    simulate(dut, bench)
