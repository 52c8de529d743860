"""The bytes of maps in an accelerator that learns (docs/learning.md): int8, and blocks. Plain integers.

The rules below work on one number or one group; `golden/learning` does the same for whole tensors.
"""

from collections.abc import Sequence

from golden.spec.formats import round_shift
from golden.spec.learning import (
    ERROR_RANDOM_BITS,
    FRACTION_LARGEST,
    INT8_LARGEST,
    NORM_FORMAT,
    SCALE_LARGE,
)

GROUP = NORM_FORMAT.forward.group
"""Neighbouring values that share an exponent."""
CODE_BITS = NORM_FORMAT.forward.magnitude_bits + 1
"""Of a value's byte, from its lowest bit on: magnitude and sign; above them two bits of the exponent."""
EXPONENT_SHARE = 8 - CODE_BITS


def fraction(value: int, shift: int) -> int:
    """value · 2^shift to nearest, ties to even, saturated to ±FRACTION_LARGEST.

    `shift` is such that the result counts 2^−ERROR_RANDOM_BITS of the target's unit.
    """
    found = value << shift if shift >= 0 else round_shift(value, -shift)
    return max(-FRACTION_LARGEST, min(FRACTION_LARGEST, found))


def cut(total: int, random: int | None) -> int:
    """A sum of fractions as an integer, not saturated: to nearest, ties to even, or with a random byte."""
    if random is None:
        return round_shift(total, ERROR_RANDOM_BITS)
    return (total + random) >> ERROR_RANDOM_BITS


def saturated(value: int) -> tuple[int, bool, bool]:
    """int8 (−127…127) of an integer; was it beyond ±127, was it beyond ±63: what moves the scale."""
    size = abs(value)
    return max(-INT8_LARGEST, min(INT8_LARGEST, value)), size > INT8_LARGEST, size > SCALE_LARGE


def passes(value: int, relu: bool) -> bool:
    """Whether an error passes a map that holds `value`: not saturated and, where a ReLU was, above 0."""
    return abs(value) < INT8_LARGEST and (value > 0 or not relu)


def pack_group(values: Sequence[int], exponent: int) -> list[int]:
    """The GROUP bytes of a group: magnitudes with sign, and the stored exponent (0 for the lowest).

    Byte i holds value i and, above it, bits EXPONENT_SHARE·i … of the exponent; bytes beyond its end zero.
    """
    bits = NORM_FORMAT.forward.magnitude_bits
    share = (1 << EXPONENT_SHARE) - 1
    return [
        abs(value) | (value < 0) << bits | (exponent >> EXPONENT_SHARE * place & share) << CODE_BITS
        for place, value in enumerate(values)
    ]


def unpack_group(group: Sequence[int]) -> tuple[list[int], int]:
    """Magnitudes with sign, and the stored exponent, of GROUP bytes; the inverse of `pack_group`."""
    bits = NORM_FORMAT.forward.magnitude_bits
    values, exponent = [], 0
    for place, byte in enumerate(group):
        size = byte & ((1 << bits) - 1)
        values.append(-size if byte >> bits & 1 else size)
        exponent |= byte >> CODE_BITS << EXPONENT_SHARE * place
    return values, exponent & ((1 << NORM_FORMAT.forward.exponent_bits) - 1)
