"""int8 with moving scales and errors as powers of two, for whole tensors of float32 integers."""

from dataclasses import dataclass

import torch

from golden.spec.learning import (
    ERROR_RANDOM_BITS,
    FRACTION_LARGEST,
    INT8_LARGEST,
    SCALE_LARGE,
    TERM_UNIT,
    moved_scale,
)

_MANTISSA = 23
_BIAS = 127


@dataclass(frozen=True)
class Rounded:
    """An int8 tensor (float32 that holds integers −127…127) and the next step's exponent of its scale, which
    `counts`, (saturated, large) values, decide.
    """

    values: torch.Tensor
    exponent: int
    counts: tuple[int, int]


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
    following = moved_scale(exponent, values.numel(), saturated, large, limits)
    return Rounded(values, following, (saturated, large))


def nearest_int8(fractions: torch.Tensor, exponent: int, limits: tuple[int, int]) -> Rounded:
    """What `fraction` made (or a sum of two) cut to the nearest integer, ties to even."""
    return _counted(scaled(fractions, -ERROR_RANDOM_BITS).round_(), exponent, limits)


def fraction(values: torch.Tensor, shift: int) -> torch.Tensor:
    """values · 2^shift with ERROR_RANDOM_BITS fraction bits: to nearest, ties to even, then saturated.

    Returns float32 integers, |integer| ≤ FRACTION_LARGEST.
    """
    wide = scaled(values, shift + ERROR_RANDOM_BITS).round_()
    return wide.clamp_(-FRACTION_LARGEST, FRACTION_LARGEST).to(torch.float32)


def stochastic_int8(
    fractions: torch.Tensor, random: torch.Tensor, exponent: int, limits: tuple[int, int]
) -> Rounded:
    """What `fraction` made (or a sum of two) cut to int8 by adding a random byte each."""
    cut = (fractions + random).mul_(2.0**-ERROR_RANDOM_BITS).floor_()
    return _counted(cut, exponent, limits)


def powers(errors: torch.Tensor, random: torch.Tensor) -> torch.Tensor:
    """int8 errors as powers of two of twice their unit: `golden.spec.learning.power_term`.

    Parameters
    ----------
    errors: float32 integers −127…127.  random: a byte each (float32 or uint8), of which the lowest
        TERM_RANDOM_BITS count.
    """
    magnitude = errors.abs()
    place = (magnitude.view(torch.int32) >> _MANTISSA).sub_(_BIAS).clamp_min_(1)
    below = (random.to(torch.int32) & (1 << place) - 1).to(torch.float32)
    # Zero and one are cut with all that is below the leading one.
    total = magnitude.add_(below).mul_(2.0**-TERM_UNIT).floor_()
    cut = (total.view(torch.int32) & ~((1 << _MANTISSA) - 1)).view(torch.float32)
    return torch.copysign(cut, errors)
