"""int8 with moving scales and errors as powers of two, for whole tensors of float32 integers."""

from dataclasses import dataclass

import torch

from golden.spec.learning import (
    ERROR_RANDOM_BITS,
    FRACTION_LARGEST,
    INT8_LARGEST,
    SCALE_LARGE,
    TERM_RANDOM_BITS,
    TWO_TERMS,
    moved_scale,
)

_MANTISSA = 23


@dataclass(frozen=True)
class Rounded:
    """An int8 tensor (float32 that holds integers −127…127) and the next step's exponent of its scale.

    `saturated`: how many values were beyond ±127.
    """

    values: torch.Tensor
    exponent: int
    saturated: int


def scaled(x: torch.Tensor, shift: int) -> torch.Tensor:
    """x · 2^shift, exact (|shift| ≤ 120)."""
    return x * 2.0**shift


def _counted(values: torch.Tensor, exponent: int, limits: tuple[int, int]) -> Rounded:
    """Saturates integers (in place) and moves the scale."""
    magnitude = values.abs()
    large = int(torch.count_nonzero(magnitude > SCALE_LARGE))
    saturated = int(torch.count_nonzero(magnitude > INT8_LARGEST)) if large else 0
    if saturated:
        values.clamp_(-INT8_LARGEST, INT8_LARGEST)
    return Rounded(values, moved_scale(exponent, values.numel(), saturated, large, limits), saturated)


def to_int8(values: torch.Tensor, exponent: int, limits: tuple[int, int]) -> Rounded:
    """Real values (exact, float32 or float64) to the nearest integer of unit 2^exponent, ties to even."""
    return _counted(scaled(values, -exponent).round_().to(torch.float32), exponent, limits)


def fraction(values: torch.Tensor, shift: int) -> torch.Tensor:
    """values · 2^shift with ERROR_RANDOM_BITS fraction bits: to nearest, ties to even, then saturated.

    Returns float32 integers, |integer| ≤ FRACTION_LARGEST.
    """
    wide = scaled(values, shift + ERROR_RANDOM_BITS).round_()
    return wide.clamp_(-FRACTION_LARGEST, FRACTION_LARGEST).to(torch.float32)


def stochastic_int8(
    fractions: torch.Tensor, random: torch.Tensor, exponent: int, limits: tuple[int, int]
) -> Rounded:
    """What `fraction` made (or sums of it, below 2^24) cut to int8 by adding a random byte each."""
    cut = (fractions + random).mul_(2.0**-ERROR_RANDOM_BITS).floor_()
    return _counted(cut, exponent, limits)


def powers(errors: torch.Tensor, random: torch.Tensor) -> torch.Tensor:
    """int8 errors as sums of at most two powers of two: `golden.spec.learning.power_terms`, summed.

    Parameters
    ----------
    errors: float32 integers −127…127.  random: a byte each (float32 or uint8), of which the upper
        TERM_RANDOM_BITS count.
    """
    lead = _leading(errors)
    exact = torch.where(errors.abs() >= TWO_TERMS, lead, torch.zeros_like(lead))
    rest = (errors - exact).view(torch.int32)
    unused = ERROR_RANDOM_BITS - TERM_RANDOM_BITS
    under = (random.to(torch.int32) >> unused) << (_MANTISSA - TERM_RANDOM_BITS)
    return exact + _leading((rest + under).view(torch.float32)) * (rest != 0)


def _leading(x: torch.Tensor) -> torch.Tensor:
    """The leading power of two of each float32, with its sign; 0 for 0."""
    bits = x.contiguous().view(torch.int32)
    return (bits & ~((1 << _MANTISSA) - 1)).view(torch.float32)
