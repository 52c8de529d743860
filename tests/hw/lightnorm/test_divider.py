"""Divider: every divisor of small widths, some of the others, with stalls."""

import numpy as np
import pytest

from golden.lightnorm.channel import divide
from hw.lightnorm.divider import Divider
from tests.hw.bench import seeded
from tests.hw.lightnorm.drive import run_stream


@pytest.mark.parametrize("bits", [6, 10, 16])
@pytest.mark.parametrize("stall", [0.0, 0.3])
def test_quotients(bits: int, stall: float) -> None:
    rng = seeded(bits)
    low, high = 1 << (bits - 1), 1 << bits
    divisors = [low, low + 1, high - 1, *(rng.randrange(low, high) for _ in range(40))]
    if bits == 6:
        divisors = list(range(low, high))
    dut = Divider(bits)
    results, cycles = run_stream(dut, divisors, len(divisors), rng, stall)
    assert results == divide(np.array(divisors), bits).tolist()
    if not stall:
        # One cycle hands the result over; the next takes a divisor.
        assert cycles == len(divisors) * (dut.latency + 1)
