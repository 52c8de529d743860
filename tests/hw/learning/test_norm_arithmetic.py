"""How long a channel's arithmetic takes at most, by its program, is what `golden.spec.latency` says."""

import pytest

from golden.spec.block import EPSILON, SCALAR_BITS, scalar
from golden.spec.latency import norm_arithmetic
from golden.spec.learning import NORM_FORMAT
from hw.lightnorm.channel_program import backward_program, forward_program
from hw.lightnorm.channel_steps import Run, Step

WAITS = {
    # The operand leaves its bits, and one that was dropped, below the grid. One that rounds up to one more
    # than its limit of b bits leaves SCALAR_BITS - b of them there, and b + 1 go by a second time.
    Run.MEAN: SCALAR_BITS + 1,
    Run.SCALE: SCALAR_BITS + 1,
    Run.ADDEND: SCALAR_BITS + 1,
    Run.SHORTEN: SCALAR_BITS - NORM_FORMAT.reciprocal,
    # Zero, whose exponent is zero, comes to epsilon.
    Run.ADD: -scalar(EPSILON).exponent,
}
"""Cycles in which an operand moves before its bits go by."""


def longest(program: list[Step]) -> int:
    """A cycle to take the sums; each step one, and its bits, their end and the rounding."""
    return 1 + sum(
        1 if step.run == Run.NONE else 1 + step.count + 2 + WAITS.get(step.run, 0) for step in program
    )


@pytest.mark.parametrize("bits", [8, 9, 12, 15, 20])
def test_the_longest_arithmetic(bits: int) -> None:
    assert norm_arithmetic(bits, False) == longest(forward_program(NORM_FORMAT, bits))
    # Three cycles for its spike.
    assert norm_arithmetic(bits, True) == longest(backward_program(NORM_FORMAT, bits)) + 3


def test_no_spread_is_as_far_from_epsilon_as_zero() -> None:
    largest = scalar(2 * NORM_FORMAT.forward.largest_value)
    assert 0 <= largest.exponent - scalar(EPSILON).exponent <= WAITS[Run.ADD]
