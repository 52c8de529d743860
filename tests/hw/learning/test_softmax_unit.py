"""Shares of sums at both ends, where what a program brings seldom comes: all bits of the quotient, and a
dividend above the sum."""

from typing import Any

import pytest

from golden.spec import latency
from golden.spec.learning import EXP_BITS, LARGEST_CLASSES
from hw.learning.softmax_unit import SoftmaxUnit
from tests.hw.bench import NANO, seeded, simulate

ONE = 1 << EXP_BITS


@pytest.mark.parametrize("total", [ONE, ONE + 1, 2 * ONE - 1, LARGEST_CLASSES * ONE, None])
def test_shares(total: int | None) -> None:
    """Of the label 2^EXP_BITS less; `latency.SHARE` cycles from turn to turn."""
    rng = seeded(1)
    total = total or rng.randrange(ONE, LARGEST_CLASSES * ONE)
    exponentials = [0, 1, ONE - 1, ONE, *(rng.randrange(ONE + 1) for _ in range(60))]
    exponentials = [it for it in exponentials if it <= total]
    dut = SoftmaxUnit(NANO)

    async def bench(ctx: Any) -> None:
        ctx.set(dut.exponentials, 1)
        ctx.set(dut.begin, 1)
        ctx.set(dut.step, 7)
        await ctx.tick()
        ctx.set(dut.begin, 0)
        ctx.set(dut.stored, 1)
        left = total
        while left:
            ctx.set(dut.word, min(left, ONE))
            left -= min(left, ONE)
            await ctx.tick()
        ctx.set(dut.stored, 0)
        ctx.set(dut.exponentials, 0)
        ctx.set(dut.shares, 1)
        assert ctx.get(dut.total) == total
        for exponential in exponentials:
            label = rng.random() < 0.5
            ctx.set(dut.turn, 1)
            ctx.set(dut.label, label)
            await ctx.tick()
            ctx.set(dut.turn, 0)
            ctx.set(dut.label, not label)
            for step in range(latency.SHARE - 1):
                ctx.set(dut.step, min(step, 7))
                ctx.set(dut.number, exponential if step == 0 else rng.randrange(ONE))
                assert not ctx.get(dut.ready) or step == 0
                await ctx.tick()
            assert ctx.get(dut.ready)
            right = (exponential * ONE + total // 2) // total
            assert ctx.get(dut.value) == right - (ONE if label else 0)

    simulate(dut, bench)
