"""CoefficientStream: which entries it issues, in which cycle, and what it refuses.

Latency: a pair is in hand in the cycle after its rows are there, the first one of a run or of a block that
is read again `STREAM_START` cycles after start or the check of END. Throughput: a pair takes
max(1, live entries) cycles.
"""

from dataclasses import replace
from typing import Any

import pytest

from golden.spec import formats, latency
from golden.spec.config import Config
from golden.spec.memories import Memory
from hw.engine.stream import CoefficientStream
from tests.hw.bench import NANO, load_words, seeded, simulate
from tests.hw.streams import Entry, Row, Work, flags_of, random_work
from tests.selection import first_or_long

Event = tuple[int, ...]
"""(code, slot, place, bank) of a step, (bank,) of an end."""


def expected(work: Work, config: Config, skip: bool) -> list[Event]:
    """Steps and ends in order."""
    events: list[Event] = []
    for job in range(len(work.jobs)):
        bank = job % 2
        live = work.live(job, skip)
        events += [(code, slot, row % config.window, bank) for code, slot, row in live]
        events.append((bank,))
    return events


class Bench:
    """The row window and the drain around a stream.

    late: probability that no row comes in a cycle. slow: probability that a bank is not drained;
    at 0 none is ever busy. held: probability that the stream must do nothing in a cycle.
    """

    def __init__(
        self,
        config: Config,
        work: Work,
        skip: bool,
        seed: int,
        late: float,
        slow: float,
        held: float = 0.0,
    ) -> None:
        self.config, self.work, self.skip = config, work, skip
        self.rng, self.late, self.slow, self.held = seeded(seed), late, slow, held
        self.dut = CoefficientStream(config, 0)
        self.events: list[Event] = []
        self.cycle_of: list[int] = []
        self.bad = False

    def run(self, limit: int, prefilled: int = 0) -> "Bench":
        """Runs until all jobs have ended, the stream is bad, or `limit` cycles are over."""

        async def bench(ctx: Any) -> None:
            await load_words(ctx, self.dut, self.config, Memory.COEFFICIENT, self.work.words(self.config))
            await self._start(ctx)
            await self._work(ctx, limit, prefilled)
            # A bad stream stays silent until it is started again.
            if self.bad:
                await ctx.tick()
                assert not ctx.get(self.dut.steps.valid)
                assert not ctx.get(self.dut.steps.end)
                assert ctx.get(self.dut.bad)
                await self._start(ctx)
                assert not ctx.get(self.dut.bad)

        simulate(self.dut, bench)
        return self

    async def _start(self, ctx: Any) -> None:
        ctx.set(self.dut.start, 1)
        await ctx.tick()
        ctx.set(self.dut.start, 0)

    async def _work(self, ctx: Any, limit: int, prefilled: int) -> None:
        dut, window = self.dut, self.config.window
        ctx.set(dut.skip, self.skip)
        written, oldest, ends = prefilled, 0, 0
        busy = [False, False]
        for cycle in range(limit):
            for look, found in zip(dut.ahead.look, dut.ahead.flags, strict=True):
                ctx.set(found, flags_of(self.work.rows, written, window, ctx.get(look)))
            ctx.set(dut.ahead.written, written % (2 * window))
            ctx.set(dut.steps.may_end, not busy[1 - ctx.get(dut.steps.end_bank)])
            hold = self.held > 0 and self.rng.random() < self.held
            ctx.set(dut.steps.hold, hold)
            assert not hold or not (ctx.get(dut.steps.valid) or ctx.get(dut.steps.end))
            oldest += (ctx.get(dut.row) - oldest) % (2 * window)
            assert oldest <= written
            if ctx.get(dut.steps.valid):
                place = ctx.get(dut.steps.step.place)
                step = dut.steps.step
                self.events.append((ctx.get(step.operand), ctx.get(step.slot), place, ctx.get(step.bank)))
                self.cycle_of.append(cycle)
                row = oldest + (place - oldest) % window
                assert row < written, f"cycle {cycle}: row {row} is read, {written} are written"
            ended = ctx.get(dut.steps.end)
            bank = ctx.get(dut.steps.end_bank)
            if ended:
                assert not busy[not bank], f"cycle {cycle}: the other bank is not drained"
                self.events.append((bank,))
                self.cycle_of.append(cycle)
                ends += 1
            await ctx.tick()
            if any(busy) and self.rng.random() >= self.slow:
                # The drain takes the older one; only the newer one may have ended in this cycle.
                busy = [False, False]
            if ended:
                busy[bank] = self.slow > 0
            room = written - oldest < window and written < len(self.work.rows)
            if room and self.rng.random() >= self.late:
                written += 1
            self.bad = bool(ctx.get(dut.bad))
            if self.bad or ends == len(self.work.jobs):
                return
        raise AssertionError(f"not at its end after {limit} cycles: {len(self.events)} events")


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize(("late", "slow"), first_or_long([(0.0, 0.0), (0.4, 0.7), (0.6, 0.0), (0.0, 0.9)], 2))
def test_random_blocks(late: float, slow: float, skip: bool) -> None:
    config = replace(NANO, coefficient_words=256)
    for seed in range(6):
        work = random_work(seeded(seed), config, blocks=10, rows=20, density=[0.2, 0.5, 0.9][seed % 3])
        bench = Bench(config, work, skip, seed, late, slow).run(20000)
        assert bench.events == expected(work, config, skip)
        assert not bench.bad


@pytest.mark.parametrize("slow", [0.0, 0.5])
def test_nothing_happens_in_a_cycle_that_is_held(slow: float) -> None:
    config = replace(NANO, coefficient_words=256)
    work = random_work(seeded(3), config, blocks=10, rows=20)
    bench = Bench(config, work, True, 3, late=0.1, slow=slow, held=0.4).run(20000)
    assert bench.events == expected(work, config, True)
    assert not bench.bad


@pytest.mark.parametrize("skip", [False, True])
def test_a_pair_takes_as_many_cycles_as_it_has_live_entries(skip: bool) -> None:
    config = replace(NANO, window=64, coefficient_words=256)
    for seed in range(10):
        work = random_work(seeded(seed), config, blocks=3, rows=6, zeros=0.5)
        assert len(work.rows) <= config.window
        bench = Bench(config, work, skip, seed, late=0, slow=0).run(2000, prefilled=len(work.rows))
        ends = [cycle for cycle, event in zip(bench.cycle_of, bench.events, strict=True) if len(event) == 1]
        again = [row.rewind for row in work.rows if row.marker]
        cycle, needed = latency.STREAM_START, []
        for job in range(len(work.jobs)):
            pairs = work.pair_cycles(job, skip)
            cycle += sum(pairs)
            needed.append(cycle - 1)
            if again[job]:
                # A pair is checked in the cycle before it is in hand.
                cycle = max(cycle, cycle - pairs[-1] - 1 + latency.STREAM_START)
        assert [end + 1 for end in ends] == needed


def one_job(block: list[Entry], rows: int) -> Work:
    """A job with that block, and rows of another one behind it."""
    values = (1,) * NANO.lanes
    job = [*([Row(values)] * rows), Row((0,) * NANO.lanes, True)]
    return Work([block, block], job * 2, [(0, 0), (1, len(job))])


END = formats.CODE_END
WRONG = {
    "END before the marker": ([(0, 0, 0), (END, 0, 1)], 2),
    "END behind the marker": ([(0, 0, 0), (END, 0, 3)], 2),
    "END at once": ([(END, 0, 0)], 1),
    "a coefficient at the marker": ([(0, 0, 0), (1, 1, 1), (END, 0, 0)], 1),
    "a second coefficient at the marker": ([(7, 0, 0), (1, 1, 1), (END, 0, 0)], 1),
    "no END": ([(0, 0, 0), (1, 1, 1), (2, 2, 1), (3, 3, 1)], 3),
}


@pytest.mark.parametrize("name", WRONG)
def test_streams_that_do_not_fit_their_rows_are_bad(name: str) -> None:
    bench = Bench(NANO, one_job(*WRONG[name]), False, 0, 0, 0).run(100)
    assert bench.bad
    # Nothing was added from a marker.
    assert all(len(event) == 1 or event[2] not in (WRONG[name][1],) for event in bench.events)


def test_a_started_stream_begins_again() -> None:
    """Start in the middle of a block: bank, base and pair go back to the beginning."""
    config = replace(NANO, window=64)
    work = random_work(seeded(5), config, blocks=3, rows=6, density=0.9)
    for cycles in range(1, 12):
        bench = Bench(config, work, False, 0, 0, 0)

        async def twice(ctx: Any, bench: Bench = bench, cycles: int = cycles) -> None:
            await load_words(ctx, bench.dut, config, Memory.COEFFICIENT, work.words(config))
            await bench._start(ctx)
            ctx.set(bench.dut.ahead.written, len(work.rows))
            await ctx.tick().repeat(cycles)
            await bench._start(ctx)
            await bench._work(ctx, 2000, len(work.rows))

        simulate(bench.dut, twice)
        assert bench.events == expected(work, config, False)
