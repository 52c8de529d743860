"""Lfsr gives the bits of golden's words, some a step, and stands still between steps."""

from typing import Any

import pytest

from golden.spec import learning
from hw.parts.lfsr import Lfsr
from tests.hw.bench import load_state, simulate
from tests.hw.bench import seeded as generator

STEPS = 100


@pytest.mark.parametrize("bits", [16, 32, 64, 128, 256])
def test_bits_are_those_of_golden(bits: int) -> None:
    rng = generator(bits)
    dut = Lfsr(bits)

    async def bench(ctx: Any) -> None:
        for seed in range(3):
            start = state = learning.seeded(rng.getrandbits(64))
            right = 0
            for word in range(STEPS * bits // learning.LFSR_WORD):
                state = state.step()
                right |= state.last << word * learning.LFSR_WORD
            # A load goes before a step.
            ctx.set(dut.step, seed > 0)
            await load_state(ctx, dut.load, dut.word, start)
            taken = 0
            while taken < STEPS - 1:
                assert ctx.get(dut.bits) == right >> taken * bits & (1 << bits) - 1
                step = rng.random() < 0.7
                ctx.set(dut.step, step)
                await ctx.tick()
                taken += step

    simulate(dut, bench)
