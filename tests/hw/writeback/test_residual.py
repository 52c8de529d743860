"""ResidualAdder: align, add, round once, saturate, ReLU. Latency `RESIDUAL`, one word per cycle."""

from typing import Any

import pytest

from golden.spec import latency
from golden.spec.formats import round_shift, saturate
from hw.writeback.residual import ResidualAdder
from tests.hw.bench import join, pipeline, seeded, some, split


@pytest.mark.parametrize("width", [1, 4])
@pytest.mark.parametrize("enable", [0, 1])
@pytest.mark.parametrize("relu", [0, 1])
def test_random_words(width: int, enable: int, relu: int) -> None:
    rng = seeded(width)
    for _ in range(10):
        align, align_residual, shift = rng.randrange(8), rng.randrange(8), rng.randrange(16)
        still = {"align": align, "align_residual": align_residual, "shift": shift, "enable": enable}
        words = [[[some(rng, -128, 127) for _ in range(width)] for _ in range(2)] for _ in range(60)]
        zero = [rng.choice([0, rng.getrandbits(width)]) for _ in words]
        inputs = [
            {"i": join(own, 8), "residual": join(other, 8), "relu": relu, **still} for own, other in words
        ]
        # What stands still does so from a cycle before; `zero` comes in the cycle before the word leaves.
        inputs = [{"relu": relu, **still}, *inputs, *({"zero": 0} for _ in range(latency.RESIDUAL))]
        for at, flags in enumerate(zero):
            inputs[at + latency.RESIDUAL] |= {"zero": flags}
        dut = ResidualAdder(width)

        def read(ctx: Any, dut: Any = dut) -> list[int]:
            return split(ctx.get(dut.o), 8, width)

        results = pipeline(dut, inputs, latency.RESIDUAL, read)
        for (own, other), flags, result in zip(words, zero, results[1:], strict=False):
            right = own
            if enable:
                totals = [(a << align) + (b << align_residual) for a, b in zip(own, other, strict=True)]
                right = [saturate(round_shift(total, shift)) for total in totals]
            right = [max(value, 0) if relu else value for value in right]
            assert result == [0 if flags >> i & 1 else value for i, value in enumerate(right)], f"{still}"
