"""Numbers with sign in words, and their shifts, as the controller has them."""

from golden.spec.controller import SHIFT_LARGEST, Operation
from golden.spec.formats import round_shift


def signed(value: int, bits: int) -> int:
    """The lowest bits of a number, with sign."""
    half = 1 << bits - 1
    return (value + half & (1 << bits) - 1) - half


def shifted(operation: Operation, value: int, distance: int) -> int:
    """EVEN, UP, FLOOR, STICKY."""
    distance = max(-SHIFT_LARGEST, min(SHIFT_LARGEST, distance))
    if distance >= 0:
        return value << distance
    down = -distance
    if operation == Operation.EVEN:
        return round_shift(value, down)
    if operation == Operation.UP:
        return value + (1 << down >> 1) >> down
    cut = operation == Operation.STICKY and value & (1 << down) - 1 != 0
    return value >> down | cut
