"""Arrays of scalars: the numbers that a channel has once. Every operation is correctly rounded.

Source of the rule: IEEE 754 round-to-nearest-even with the significand of float32 and an exponent
that never ends, so no operation overflows.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from golden.numerics.rounding import round_shift
from golden.spec.block import SCALAR_BITS, Scalar

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]

_ALIGNED = 60
"""Bits of the larger addend when a sum is formed."""


@dataclass(frozen=True)
class Scalars:
    """mantissa · 2**exponent, both int64 of one shape; |mantissa| has SCALAR_BITS bits or is zero."""

    mantissa: Int64
    exponent: Int64

    @property
    def top(self) -> Int64:
        """Smallest t with |value| < 2**t; meaningless for zeros."""
        return self.exponent + SCALAR_BITS

    def floats(self) -> Float64:
        """The values, exact in float64 unless beyond its range."""
        return np.ldexp(self.mantissa.astype(np.float64), self.exponent.astype(np.int32))

    def where(self, keep: npt.NDArray[np.bool_]) -> "Scalars":
        """The values where `keep` is true, zero elsewhere."""
        return Scalars(np.where(keep, self.mantissa, 0), np.where(keep, self.exponent, 0))


def bit_length(values: Int64) -> Int64:
    """Bits of |values| < 2**62, 0 for 0."""
    magnitude = np.abs(values)
    high = magnitude >> 31
    # Halves of 31 bits are exact in float64, so frexp gives their lengths.
    high_bits = np.frexp(high.astype(np.float64))[1].astype(np.int64)
    low_bits = np.frexp((magnitude & 0x7FFFFFFF).astype(np.float64))[1].astype(np.int64)
    return np.where(high > 0, high_bits + 31, low_bits)


def normalise(values: Int64, exponent: Int64 | int) -> Scalars:
    """values · 2**exponent as scalars; |values| < 2**62."""
    spare = bit_length(values) - SCALAR_BITS
    sign = np.sign(values)
    whole = np.left_shift(np.abs(values), np.maximum(-spare, 0), dtype=np.int64)
    magnitude = round_shift(whole, np.maximum(spare, 0))
    carry = magnitude >> SCALAR_BITS
    mantissa = sign * (magnitude >> carry)
    return Scalars(mantissa, np.where(mantissa == 0, 0, exponent + spare + carry))


def from_integers(values: Iterable[int], exponent: int) -> Scalars:
    """Python integers of any size, times 2**exponent, as scalars of shape (len(values),)."""
    short, shifts = [], []
    for value in values:
        # 60 bits, the last one set if anything was cut off: rounds like the whole number.
        value = int(value)
        cut = max(0, value.bit_length() - _ALIGNED)
        rest = abs(value) & ((1 << cut) - 1)
        part = abs(value) >> cut | (rest != 0)
        short.append(-part if value < 0 else part)
        shifts.append(cut + exponent)
    return normalise(np.array(short, np.int64), np.array(shifts, np.int64))


def from_floats(values: Float64) -> Scalars:
    """Float64 values rounded to scalars; exact for float32 values. They must be finite."""
    mantissa, exponent = np.frexp(values)
    return normalise(np.ldexp(mantissa, 53).astype(np.int64), exponent.astype(np.int64) - 53)


def spread(value: Scalar, like: Scalars) -> Scalars:
    """One scalar for every channel of another array."""
    return Scalars(np.full_like(like.mantissa, value.mantissa), np.full_like(like.exponent, value.exponent))


def multiply(a: Scalars, b: Scalars) -> Scalars:
    """a · b."""
    return normalise(a.mantissa * b.mantissa, a.exponent + b.exponent)


def add(a: Scalars, b: Scalars) -> Scalars:
    """a + b."""
    floor = np.int64(-(1 << 40))
    top_a = np.where(a.mantissa == 0, floor, a.top)
    top_b = np.where(b.mantissa == 0, floor, b.top)
    grid = np.maximum(top_a, top_b) - _ALIGNED
    total = np.zeros_like(a.mantissa)
    for addend in (a, b):
        shift = np.clip(addend.exponent - grid, -62, 62)
        down = np.maximum(-shift, 0)
        magnitude = np.abs(addend.mantissa) << np.maximum(shift, 0)
        part = magnitude >> down
        part = part | ((part << down) != magnitude)
        total = total + np.where(addend.mantissa == 0, 0, np.sign(addend.mantissa) * part)
    return normalise(total, grid)


def to_grid(values: Scalars, grid: Int64, bits: int) -> Int64:
    """The integers nearest to values / 2**grid, ties to even, saturated to |integer| < 2**bits, bits ≤ 60."""
    limit = (1 << bits) - 1
    shift = values.exponent - grid
    moved = np.abs(values.mantissa) << np.clip(shift, 0, 62 - SCALAR_BITS)
    result = np.minimum(round_shift(moved, np.clip(-shift, 0, 62)), limit)
    result = np.where((shift > 62 - SCALAR_BITS) & (values.mantissa != 0), limit, result)
    return np.sign(values.mantissa) * result
