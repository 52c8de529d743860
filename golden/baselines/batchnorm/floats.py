"""float32 arithmetic as the batch-norm units do it: to nearest, ties to even, without denormals.

Denormal operands and results are zeros of their sign; a result is denormal if its exact magnitude is
below 2**-126. Infinities and NaN follow IEEE 754, with one NaN.
"""

import numpy as np
import numpy.typing as npt

from golden.spec.floats import RSQRT_START, RSQRT_STEPS, FloatFormat

Float32 = npt.NDArray[np.float32]

_TINY = 2.0**-126


def flush(values: npt.ArrayLike) -> Float32:
    """float32 or float64 values as float32 without denormals; exact or rounded once."""
    wide = np.asarray(values, np.float64)
    with np.errstate(over="ignore"):
        return np.where(np.abs(wide) < _TINY, np.copysign(0.0, wide), wide).astype(np.float32)


def add(a: npt.ArrayLike, b: npt.ArrayLike) -> Float32:
    """a + b of float32 values."""
    with np.errstate(invalid="ignore", over="ignore"):
        return flush(flush(a) + flush(b))


def subtract(a: npt.ArrayLike, b: npt.ArrayLike) -> Float32:
    """a − b of float32 values."""
    return add(a, -np.asarray(b, np.float32))


def multiply(a: npt.ArrayLike, b: npt.ArrayLike) -> Float32:
    """a · b of float32 values; the product is exact in float64."""
    with np.errstate(invalid="ignore"):
        return flush(flush(a).astype(np.float64) * flush(b))


def narrow(values: npt.ArrayLike, fmt: FloatFormat) -> Float32:
    """float32 values rounded to an element format, as float32."""
    drop = np.uint32(24 - fmt.significand)
    kept = np.asarray(values, np.float32)
    if not drop:
        return kept
    bits = kept.view(np.uint32)
    half = (np.uint32(1) << (drop - np.uint32(1))) - np.uint32(1)
    rounded = (bits + half + (bits >> drop & np.uint32(1))) >> drop << drop
    return np.where(np.isnan(kept), np.float32(np.nan), rounded.view(np.float32))


def rsqrt(value: npt.ArrayLike) -> Float32:
    """1/√value of normal positive float32 values by Newton's method; within 2 units in the last place."""
    half = np.asarray(multiply(value, np.float32(0.5)))
    root = (np.uint32(RSQRT_START) - (half.view(np.uint32) >> np.uint32(1))).view(np.float32)
    for _ in range(RSQRT_STEPS):
        root = multiply(root, subtract(np.float32(1.5), multiply(multiply(root, root), half)))
    return root


def to_bits(values: npt.ArrayLike, fmt: FloatFormat) -> npt.NDArray[np.int64]:
    """Patterns of float32 values that have the precision of `fmt`; any NaN has one pattern."""
    kept = np.asarray(values, np.float32)
    bits = np.where(np.isnan(kept), np.uint32(0x7FC00000), kept.view(np.uint32))
    return bits.astype(np.int64) >> (24 - fmt.significand)


def from_bits(bits: npt.ArrayLike, fmt: FloatFormat) -> Float32:
    """Inverse of `to_bits`."""
    return (np.asarray(bits, np.uint32) << np.uint32(24 - fmt.significand)).view(np.float32)
