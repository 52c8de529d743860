"""How long a channel's arithmetic takes at most, by its program, is what `golden.spec.latency` says."""

import pytest

from golden.spec.block import EPSILON, SCALAR_BITS, scalar
from golden.spec.latency import norm_arithmetic
from golden.spec.learning import NORM_FORMAT
from hw.lightnorm.channel_program import backward_program, forward_program
from hw.lightnorm.channel_steps import Run, Step

WAITS = {
    # The operand leaves its 24 bits, and one that was dropped, below the grid.
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


def test_nothing_waits_longer() -> None:
    """A number that rounds up to one more than its limit goes by a second time, but has then moved less."""
    for step in (*forward_program(NORM_FORMAT, 12), *backward_program(NORM_FORMAT, 12)):
        if step.run == Run.SCALE:
            assert SCALAR_BITS - NORM_FORMAT.scale + step.count <= WAITS[step.run]
        if step.run == Run.ADDEND:
            assert SCALAR_BITS - (step.count - 1) + step.count <= WAITS[step.run]
    # The largest spread that blocks have is nearer to epsilon than zero is.
    largest = scalar(NORM_FORMAT.forward.largest_value * 2)
    assert largest.exponent - scalar(EPSILON).exponent <= WAITS[Run.ADD]
