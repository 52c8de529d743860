"""EntryReader: a byte for each entry of a range, whoever else uses the memory."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from golden.spec.formats import CODE_BITS
from golden.spec.memories import COUNTER_BITS
from hw.learning.entry_reader import EntryReader
from tests.hw.bench import NANO, join, seeded, simulate

CONFIG = replace(NANO, engines=3, basis=4, coefficient_words=16, learning=True)
LIMIT = 2000


async def written(
    ctx: Any,
    dut: EntryReader,
    rng: Random,
    entries: list[list[tuple[int, int]]],
    command: dict[str, int],
    stall: float,
) -> tuple[list[tuple[int, int]], int]:
    """Writes (address, word) of a command, and its cycles."""
    ctx.set(dut.command, command)
    ctx.set(dut.start, 1)
    found: list[tuple[int, int]] = []
    for cycle in range(LIMIT):
        ctx.set(dut.port.grant, int(rng.random() >= stall))
        await ctx.delay(1e-8)
        port = dut.port
        if ctx.get(port.valid) and ctx.get(port.grant):
            assert ctx.get(port.write)
            found.append((ctx.get(port.address), ctx.get(port.data)))
        done = ctx.get(dut.done)
        looks = [(ctx.get(it.look), ctx.get(it.entry)) for it in dut.engines]
        await ctx.tick()
        ctx.set(dut.start, 0)
        if done:
            return found, cycle
        for engine, (looked, entry) in zip(range(CONFIG.engines), looks, strict=True):
            # What nobody looks at is anything.
            code, counter = entries[engine][entry] if looked else (rng.getrandbits(4), rng.randint(-8, 7))
            ctx.set(dut.engines[engine].code, code)
            ctx.set(dut.engines[engine].counter, counter)
    raise AssertionError(f"no end within {LIMIT} cycles")


@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_ranges(stall: float) -> None:
    rng = seeded(7)
    dut = EntryReader(CONFIG)
    count, half = 2 * CONFIG.coefficient_words, 1 << COUNTER_BITS - 1
    entries = [
        [(rng.getrandbits(CODE_BITS), rng.randint(-half, half - 1)) for _ in range(count)]
        for _ in range(CONFIG.engines)
    ]

    async def bench(ctx: Any) -> None:
        for pair, pairs in ((0, 1), (3, 4), (5, 11), (15, 1), (0, 16)):
            command = {"pair": pair, "pairs": pairs, "address": 2}
            found, cycles = await written(ctx, dut, rng, entries, command, stall)
            bytes_ = [
                code | (counter & 2 * half - 1) << CODE_BITS
                for engine in entries
                for code, counter in engine[2 * pair : 2 * (pair + pairs)]
            ]
            bytes_ += [0] * (-len(bytes_) % CONFIG.lanes)
            rows = [join(bytes_[at : at + CONFIG.lanes], 8) for at in range(0, len(bytes_), CONFIG.lanes)]
            places = [(2 + number) % CONFIG.feature_words for number in range(len(rows))]
            assert found == list(zip(places, rows, strict=True))
            if not stall:
                # The start; two cycles an entry, one more a word.
                assert cycles == 2 * 2 * pairs * CONFIG.engines + len(rows)

    simulate(dut, bench)
