"""Engine: rows and a coefficient stream become partial sums.

Latency: a job's sums stand `latency.SUMS_STAND` cycles after its END entry.
Throughput: one live coefficient per cycle.
"""

from dataclasses import replace
from typing import Any

import pytest
from amaranth.back import rtlil

from golden.spec import latency
from golden.spec.config import SMALL, TINY, Config
from golden.spec.memories import Memory
from hw.engine.engine import Engine
from tests.hw.bench import NANO, load_words, seeded, simulate
from tests.hw.engines import sums_of
from tests.hw.streams import Row, Work, random_work
from tests.selection import first_or_long


def run(config: Config, work: Work, skip: bool, seed: int, late: float, slow: float) -> tuple[Any, int]:
    """`sums_of` an engine."""
    dut = Engine(config, 0)
    found: list[tuple[Any, int]] = []

    async def bench(ctx: Any) -> None:
        await load_words(ctx, dut, config, Memory.COEFFICIENT, work.words(config))
        ctx.set(dut.skip, skip)
        found.append(await sums_of(ctx, dut, config, work, seeded(seed), late, slow))

    simulate(dut, bench)
    return found[0]


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize(("late", "slow"), first_or_long([(0.0, 0.0), (0.2, 0.9), (0.5, 0.0)], 2))
@pytest.mark.parametrize("window", first_or_long([8, 16]))
def test_sums_of_random_jobs(window: int, late: float, slow: float, skip: bool) -> None:
    config = replace(NANO, window=window, accumulators=8, accumulator_bits=24)
    for seed in range(3):
        work = random_work(seeded(seed), config, blocks=5, rows=12)
        sums, _ = run(config, work, skip, seed, late, slow)
        assert sums == [work.sums(job, config) for job in range(len(work.jobs))]


def test_cycles_of_a_job() -> None:
    """One job: its first row, then the cycles of its pairs, then the latency."""
    config = replace(NANO, accumulators=8, accumulator_bits=24)
    measured = 0
    for seed in range(20):
        work = random_work(seeded(seed), config, blocks=1, rows=6, density=0.9)
        if len(work.jobs) > 1:
            continue
        _, cycles = run(config, work, False, seed, 0.0, 0.0)
        # Rows come one per cycle, the first one in the second cycle; pairs wait for theirs.
        row = 0
        block = work.entries[0]
        # The first pair is there when the stream has read it.
        first, at = 1, latency.STREAM_START - 1
        for position, taken in enumerate(work.pair_cycles(0, False)):
            row += sum(advance for _, _, advance in block[2 * position : 2 * position + 2])
            at = max(at, first + row + 1) + taken
        end = at - 1
        reading = config.accumulators - 1 + latency.SUM_READ
        assert cycles - 1 == end + latency.SUMS_STAND + reading
        measured += 1
    assert measured >= 5


def test_rows_of_zeros_cost_nothing_where_they_are_skipped() -> None:
    """The same sums, sooner; without `skip` zeros cost what other rows do."""
    config = replace(NANO, window=16, accumulators=8, accumulator_bits=24)
    saved = 0
    for seed in range(4):
        work = random_work(seeded(seed), config, blocks=2, rows=12, density=0.9, zeros=0.8)
        plain, slow = run(config, work, False, seed, 0.0, 0.0)
        skipping, fast = run(config, work, True, seed, 0.0, 0.0)
        assert plain == skipping
        busy = replace(work, rows=[row if row.marker else Row((1,) * 4) for row in work.rows])
        assert (
            run(config, busy, False, seed, 0.0, 0.0)[1] == slow == run(config, busy, True, seed, 0.0, 0.0)[1]
        )
        saved += slow - fast
    assert saved > 10


@pytest.mark.parametrize("config", [TINY, SMALL], ids=lambda config: config.name)
def test_shift_adders_have_no_multiplier(config: Config) -> None:
    text = rtlil.convert(Engine(config, 0), emit_src=False)
    assert "cell $shl" in text or "cell $sshl" in text
    assert "cell $mul" not in text
