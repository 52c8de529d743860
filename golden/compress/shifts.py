"""Where real terms and biases meet their integers: shifts, scales and the grids that hold them.

Nothing is cut off here: a filter takes the largest shift at which its terms and its bias fit, and a
layer the finest grid at which every filter has such a shift.
"""

import math

import torch

from golden.spec import formats

LARGEST_TERM = 127
LARGEST_BIAS = (1 << (formats.BIAS_BITS - 1)) - 1
MAX_SHIFT = (1 << formats.SHIFT_BITS) - 1


def filter_shift(largest: torch.Tensor, offset: torch.Tensor) -> torch.Tensor:
    """The shift of each filter, 0…31: the one that brings its largest term into 64…127, or a
    smaller one where its bias, or the 5 bits of a shift, leave no room for that.

    A smaller shift rounds terms more coarsely, which does no harm: a bias leaves less than 20 bits
    only where it is itself beyond all results by far.

    Parameters
    ----------
    largest: of the terms of each filter, in steps of the result (M,); offset: the bias likewise.
    """
    with torch.no_grad():
        shift = torch.minimum(_room(largest, LARGEST_TERM), _room(offset.abs(), LARGEST_BIAS))
        return torch.where(largest > 0, shift, torch.zeros_like(shift)).clamp(0, MAX_SHIFT)


def _room(values: torch.Tensor, limit: int) -> torch.Tensor:
    """The largest whole s with values · 2**s ≤ limit; large where a value is zero."""
    safe = values.clamp_min(torch.finfo(values.dtype).tiny * 2.0**32)
    # A quotient that rounded up, or log2, may be one too high.
    shift = torch.floor(torch.log2(limit / safe))
    return torch.where(safe * 2.0**shift > limit, shift - 1, shift)


def filter_scale(largest: torch.Tensor) -> torch.Tensor:
    """The scale 1…127 of each filter of a plain layer: the nearest to `largest` = its largest weight
    ÷ 127, up to 127, or the next one where the largest weight would round beyond 127."""
    scale = torch.round(largest).clamp_min(1)
    return torch.where(torch.round(LARGEST_TERM * largest / scale) > LARGEST_TERM, scale + 1, scale)


def least_grid(largest: torch.Tensor, offset: torch.Tensor) -> int:
    """The smallest exponent e at which, in steps of 2**e, terms fit 127 and biases 32 bits at shift 0.

    Parameters
    ----------
    largest: of the terms of each filter, in real units (M,); offset: the bias likewise.
    """
    rooms = [_room(largest.double(), LARGEST_TERM), _room(offset.double().abs(), LARGEST_BIAS)]
    return -math.floor(min(float(room.min()) for room in rooms))
