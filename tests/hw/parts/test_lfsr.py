"""Lfsr gives the words of golden's, one or more a step, and stands still between steps."""

from typing import Any

import pytest

from golden.spec import learning
from hw.parts.lfsr import Lfsr
from tests.hw.bench import seeded as generator
from tests.hw.bench import simulate


@pytest.mark.parametrize("words", [1, 2, 4])
def test_words_are_those_of_golden(words: int) -> None:
    rng = generator(words)
    dut = Lfsr(words)

    async def bench(ctx: Any) -> None:
        for seed in range(3):
            state = learning.seeded(rng.getrandbits(64))
            # A load goes before a step.
            ctx.set(dut.step, seed)
            ctx.set(dut.load, 1)
            ctx.set(dut.before, state.before)
            ctx.set(dut.last, state.last)
            await ctx.tick()
            ctx.set(dut.load, 0)
            for _ in range(100):
                following, expected = state, 0
                for word in range(words):
                    following = following.step()
                    expected |= following.last << word * learning.LFSR_WORD
                assert ctx.get(dut.bits) == expected
                step = rng.random() < 0.7
                ctx.set(dut.step, step)
                await ctx.tick()
                state = following if step else state

    simulate(dut, bench)
