"""How long a channel's arithmetic takes, by its program, is what `golden.spec.latency` says."""

import pytest

from golden.spec.latency import NORM_BACKWARD, NORM_FORWARD, NORM_GIVEN
from golden.spec.learning import NORM_FORMAT
from hw.lightnorm.channel_program import backward_program, forward_program, given_program
from hw.lightnorm.channel_steps import Run, Step

SCALAR = 3
"""Cycles from a positive integer to a scalar: leading one, shift, rounding."""
WORK = {
    Run.NONE: 0,
    # Its magnitude first.
    Run.SUM: 1 + SCALAR,
    Run.COUNT: SCALAR,
    # It is not rounded.
    Run.MEASURE: SCALAR - 1,
    Run.PRODUCT: 3,
    # A product, what is shifted, the shift, the sum, its magnitude.
    Run.MOMENT: 4 + 1 + SCALAR,
    Run.ADD: 3 + SCALAR,
    Run.SHORTEN: 1,
    Run.DIVIDE: NORM_FORMAT.reciprocal,
    # What is shifted, the shift, the rounding, the limit.
    Run.MEAN: 4,
    Run.SCALE: 4,
    Run.ADDEND: 4,
}
"""Cycles of an operation behind its step's own."""


def cycles(program: list[Step]) -> int:
    """One to take the sums, one to read the first step; each step one, and its operation."""
    return 2 + sum(1 + WORK[step.run] for step in program)


@pytest.mark.parametrize("bits", [8, 15, 20])
def test_the_time_of_an_arithmetic(bits: int) -> None:
    """Whatever its sizes."""
    assert cycles(forward_program(NORM_FORMAT, bits)) == NORM_FORWARD
    assert cycles(given_program(NORM_FORMAT, bits)) == NORM_GIVEN
    assert cycles(backward_program(NORM_FORMAT, bits)) == NORM_BACKWARD
