"""Rounding and saturation of whole arrays, as `golden.spec.formats` does it for one value."""

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]


def round_shift(values: Int64, shift: Int64 | int) -> Int64:
    """values / 2**shift to the nearest integer, ties to even; shapes broadcast, shift 0…62.

    The array form of `golden.spec.formats.round_shift`.
    """
    floor = values >> shift
    rest = values - (floor << shift)
    half = (np.int64(1) << np.asarray(shift, np.int64)) >> 1
    tie = (rest == half) & (half > 0) & (floor & 1 == 1)
    return floor + ((rest > half) | tie)


def saturate(values: Int64, bits: int = 8) -> Int64:
    """The nearest two's complement values of `bits` bits; shape and dtype unchanged."""
    return np.clip(values, -(1 << (bits - 1)), (1 << (bits - 1)) - 1)
