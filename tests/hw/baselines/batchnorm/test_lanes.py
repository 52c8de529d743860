"""How long a beat stays in the lanes."""

from typing import Any

import pytest

from golden.spec.floats import BF16, FP32, FloatFormat, Pass
from hw.baselines.batchnorm.lanes import Lanes
from tests.hw.bench import simulate

MULTIPLY = {"fp32": 2, "bf16": 1}
ADD = 2


@pytest.mark.parametrize("fmt", [FP32, BF16], ids=lambda fmt: fmt.name)
@pytest.mark.parametrize("op", Pass)
def test_latency(fmt: FloatFormat, op: Pass) -> None:
    dut = Lanes(fmt, 2)
    seen = []

    async def bench(ctx: Any) -> None:
        ctx.set(dut.op, op)
        ctx.set(dut.advance, 1)
        ctx.set(dut.valid, 1)
        ctx.set(dut.first, 1)
        ctx.set(dut.beat, {"op": op, "x": [0, 0], "dy": [0, 0], "mask": 3, "last": 1})
        for cycle in range(1, 20):
            await ctx.tick()
            ctx.set(dut.valid, 0)
            if ctx.get(dut.o_valid) or ctx.get(dut.sums.valid):
                seen.append(cycle)
                return

    simulate(dut, bench)
    product = MULTIPLY[fmt.name]
    # Tree, accumulator, and a cycle to keep the sums.
    summed = product + 2 * ADD + 1 + (ADD if op == Pass.VARIANCE else 0)
    assert seen == [product + 2 * ADD if op in (Pass.APPLY, Pass.GRAD) else summed]
