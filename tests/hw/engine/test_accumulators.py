"""Accumulators: sums in two banks, hazards, and when they stand.

Latency: a step is in its sum `ACCUMULATE` cycles later, so `full` shows `SUMS_STAND` cycles after the
end; a sum comes `SUM_READ` cycles after its read. Throughput: one step or read per cycle.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from golden.spec import formats, latency
from golden.spec.config import Config
from hw.engine.accumulators import Accumulators
from tests.hw.bench import NANO, join, seeded, signed, simulate, some, split

Step = tuple[int, int, tuple[int, ...]]
"""Code, slot, lanes of the row."""


@dataclass
class Job:
    """Steps of a job; None is a cycle without one."""

    steps: list[Step | None] = field(default_factory=list)

    def sums(self, config: Config) -> list[list[int]]:
        """sums[slot][lane], wrapped."""
        sums = [[0] * config.lanes for _ in range(config.accumulators)]
        for step in self.steps:
            if step is not None:
                code, slot, row = step
                for lane, value in enumerate(row):
                    sums[slot][lane] += formats.decode_coefficient(code) * value
        return [[signed(value, config.accumulator_bits) for value in lanes] for lanes in sums]


def random_job(seed: int, config: Config, steps: int, bubbles: float, slots: int) -> Job:
    rng = seeded(seed)
    job = Job()
    for _ in range(steps):
        if rng.random() < bubbles:
            job.steps.append(None)
        else:
            row = tuple(some(rng, -128, 127) for _ in range(config.lanes))
            job.steps.append((rng.choice([*range(7), *range(8, 15)]), rng.randrange(slots), row))
    return job


def run(config: Config, jobs: list[Job], drain_delay: int = 0) -> list[list[list[int]]]:
    """Feeds jobs one behind the other, drains each `drain_delay` cycles after it is full."""
    dut = Accumulators(config)
    results: list[list[list[int]]] = []
    full_after: list[int] = []
    read_at: list[int] = []

    async def bench(ctx: Any) -> None:
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        row: tuple[int, ...] = (0,) * config.lanes
        number, position = 0, 0
        ended: list[int] = []
        release, wait, drained, slot = 0, drain_delay, 0, 0
        for cycle in range(20000):
            bank = number % 2
            step, end = None, False
            if cycle - latency.SUM_READ in read_at[-latency.SUM_READ :]:
                if not results or len(results[-1]) == config.accumulators:
                    results.append([])
                results[-1].append(split(ctx.get(dut.sums.sums), config.accumulator_bits, config.lanes))
            else:
                assert ctx.get(dut.sums.sums) == 0
            if len(results) == len(jobs) and len(results[-1]) == config.accumulators:
                return
            assert ctx.get(dut.steps.hold) == (cycle - 1 in read_at[-1:])
            if number < len(jobs) and not ctx.get(dut.steps.hold):
                if position < len(jobs[number].steps):
                    step = jobs[number].steps[position]
                    position += 1
                elif ctx.get(dut.steps.may_end):
                    end = True
            ctx.set(dut.steps.valid, step is not None)
            if step is not None:
                ctx.set(dut.steps.step.operand, step[0])
                ctx.set(dut.steps.step.slot, step[1])
                ctx.set(dut.steps.step.bank, bank)
                ctx.set(dut.steps.step.place, position % config.window)
            ctx.set(dut.steps.end, end)
            ctx.set(dut.steps.end_bank, bank)
            # The window gives the row of the place that is asked for, in the same cycle.
            ctx.set(dut.rows.bytes, join(row, 8))
            if end:
                ended.append(cycle)
                number, position = number + 1, 0
            full = ctx.get(dut.sums.full)
            turn = drained % 2
            release = 0
            ctx.set(dut.sums.read, 0)
            if full >> turn & 1:
                if len(full_after) == drained:
                    full_after.append(cycle - ended[drained])
                if wait:
                    wait -= 1
                else:
                    ctx.set(dut.sums.read, 1)
                    ctx.set(dut.sums.bank, turn)
                    ctx.set(dut.sums.slot, slot)
                    read_at.append(cycle)
                    slot += 1
                    if slot == config.accumulators:
                        release, wait, slot = 1 << turn, drain_delay, 0
                        drained += 1
            ctx.set(dut.sums.release, release)
            await ctx.tick()
            if step is not None:
                assert ctx.get(dut.rows.place) == position % config.window
                row = step[2]
            else:
                row = (-1,) * config.lanes  # must not be added
        raise AssertionError(f"{len(results)} of {len(jobs)} jobs were drained")

    simulate(dut, bench)
    assert full_after == [latency.ACCUMULATE + 1] * len(jobs)
    return results


@pytest.mark.parametrize("bubbles", [0.0, 0.5])
@pytest.mark.parametrize("slots", [1, 2, 4])
def test_sums_with_one_step_per_cycle_on_few_slots(slots: int, bubbles: float) -> None:
    jobs = [random_job(seed, NANO, 60, bubbles, slots) for seed in range(8)]
    # Slots that no step of the job touched read zero, whatever an earlier job left there.
    assert run(NANO, jobs) == [job.sums(NANO) for job in jobs]


@pytest.mark.parametrize("delay", [0, 1, 7, 40])
def test_banks_change_when_the_drain_is_slow(delay: int) -> None:
    jobs = [random_job(seed, NANO, seed % 5 * 4, 0.1, 4) for seed in range(12)]
    assert run(NANO, jobs, delay) == [job.sums(NANO) for job in jobs]


def test_largest_sums_and_wrapping() -> None:
    config = replace(NANO, accumulator_bits=16)
    worst = (-128, 127, -128, 127)
    up, down = Job([(14, 0, worst)] * 4), Job([(6, 1, worst)] * 9)
    assert run(config, [up, down]) == [up.sums(config), down.sums(config)]
    assert up.sums(config)[0][0] == signed(4 * 64 * 128, 16) == -32768


def test_every_code_and_value() -> None:
    """Each coefficient times each int8 value."""
    jobs = []
    for code in (*range(7), *range(8, 15)):
        lanes = range(-128, 128, NANO.lanes)
        for slot in range(NANO.accumulators):
            rows = [tuple(range(start, start + NANO.lanes)) for start in lanes[slot::4]]
            for start in range(0, len(rows), 4):
                steps: list[Step | None] = [(code, i, row) for i, row in enumerate(rows[start : start + 4])]
                jobs.append(Job(steps))
    assert run(NANO, jobs) == [job.sums(NANO) for job in jobs]


def test_start_forgets_both_banks() -> None:
    dut = Accumulators(NANO)

    async def bench(ctx: Any) -> None:
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        for bank in range(2):
            ctx.set(dut.steps.valid, 1)
            ctx.set(dut.steps.step.bank, bank)
            ctx.set(dut.rows.bytes, join([1, 2, 3, 4], 8))
            await ctx.tick()
            ctx.set(dut.steps.valid, 0)
            ctx.set(dut.steps.end, 1)
            ctx.set(dut.steps.end_bank, bank)
            await ctx.tick()
            ctx.set(dut.steps.end, 0)
        await ctx.tick().repeat(6)
        assert ctx.get(dut.sums.full) == 3
        assert not ctx.get(dut.steps.may_end)
        assert await sums(ctx, 0) == await sums(ctx, 1) == [1, 2, 3, 4]
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        assert ctx.get(dut.sums.full) == 0
        assert ctx.get(dut.steps.may_end)
        assert await sums(ctx, 0) == await sums(ctx, 1) == [0, 0, 0, 0]

    async def sums(ctx: Any, bank: int) -> list[int]:
        ctx.set(dut.sums.read, 1)
        ctx.set(dut.sums.bank, bank)
        await ctx.tick()
        ctx.set(dut.sums.read, 0)
        await ctx.tick().repeat(latency.SUM_READ - 1)
        return split(ctx.get(dut.sums.sums), NANO.accumulator_bits, NANO.lanes)

    simulate(dut, bench)
