"""Block floating point on torch tensors: to blocks and back as floats, and what the encoder met."""

import math
from dataclasses import dataclass

import numpy as np
import torch

from golden.lightnorm.blocks import Bool
from golden.spec.block import BlockFormat, GroupAxis, Rounding


@dataclass(frozen=True)
class _Bits:
    """A floating-point type from inside: its integers of the same width, fraction bits, exponent bias."""

    integer: torch.dtype
    floating: torch.dtype
    fraction: int
    bias: int

    def power(self, exponents: torch.Tensor) -> torch.Tensor:
        """2**exponents, exact, for exponents above −bias, up to bias."""
        return ((exponents + self.bias) << self.fraction).view(self.floating)


BITS = {
    torch.float32: _Bits(torch.int32, torch.float32, 23, 127),
    torch.float64: _Bits(torch.int64, torch.float64, 52, 1023),
}


@dataclass(frozen=True)
class Met:
    """What an encoder met, by channel: `golden.spec.block.Flag` told apart; bool (C,) each.

    Parameters
    ----------
    nan, infinite: among the channel's values.  overflow: a value of the channel that counts saturated.
    underflow: a value of the channel that was not zero is in a group that became zero.
    clipped: a value without a say in its group's exponent (a spike with CLIP) saturated.
    """

    nan: Bool
    infinite: Bool
    overflow: Bool
    underflow: Bool
    clipped: Bool


def quantise(
    x: torch.Tensor, fmt: BlockFormat, axis: GroupAxis, quiet: torch.Tensor | None = None
) -> tuple[torch.Tensor, Met]:
    """Block floating point and back: `golden.lightnorm.blocks.encode_floats` and `Blocks.floats`.

    Parameters
    ----------
    x: (C, n), float32 or float64; not changed. float32 needs a format with exponents within ±100.
    quiet: bool (C, n) or None, as `encode`'s spikes.

    Returns a new tensor of the same type, where NaN became 0 and an infinity the largest value, and what
    was met.
    """
    along = 1 if axis == GroupAxis.PIXELS else 0
    channels = len(x)
    nan = infinite = clipped = np.zeros(channels, bool)
    if not math.isfinite(float(x.sum())):
        nan, infinite = _some(x.isnan(), channels), _some(x.isinf(), channels)
        limit = fmt.largest_value
        x = torch.nan_to_num(x, nan=0.0, posinf=limit, neginf=-limit)
    groups = _grouped(x, fmt, along, 0.0)
    every = groups.abs()
    counted, mask = every, None
    if quiet is not None:
        mask = _grouped(quiet, fmt, along, True)
        mask = mask & ~mask.all(along + 1, keepdim=True)
        counted = every.masked_fill(mask, 0.0)
    bits = BITS[x.dtype]
    loudest = counted.amax(along + 1, keepdim=True)
    shared = loudest.view(bits.integer)
    place = fmt.magnitude_bits - 1
    nearest = fmt.rounding == Rounding.NEAREST
    if nearest:
        # Half a unit carries into the exponent where rounding to nearest would reach 2**magnitude_bits.
        shared = shared + (1 << (bits.fraction - place - 1))
    shared = (shared >> bits.fraction).sub_(bits.bias).clamp_(fmt.exponent_low, fmt.exponent_high)
    result = groups * bits.power(place - shared)
    result = result.round_() if nearest else result.trunc_()
    if mask is not None:
        clipped = _some((result.abs() > fmt.largest) & mask, channels, along)
    result = result.clamp_(-fmt.largest, fmt.largest).mul_(bits.power(shared - place))

    # The smallest value that saturates at the highest exponent, and the largest that may become zero.
    above = fmt.largest_value + (2.0**fmt.top_grid / 2 if nearest else 2.0**fmt.top_grid)
    over = _some((loudest if along == 1 else counted) >= above, channels, along)
    all_values = loudest if mask is None else every.amax(along + 1, keepdim=True)
    nothing = all_values <= 2.0**fmt.grid / 2 if nearest else all_values < 2.0**fmt.grid
    lost = nothing & (all_values > 0)
    under = np.zeros(channels, bool)
    if bool(lost.any()):
        under = _some(lost if along == 1 else lost & (every > 0), channels, along)
    blocks = result.flatten(along, along + 1).narrow(along, 0, x.shape[along])
    return blocks, Met(nan, infinite, over, under, clipped)


def _grouped(x: torch.Tensor, fmt: BlockFormat, along: int, filler: float) -> torch.Tensor:
    """(C, n) → (C, groups, G) or (groups, G, n)."""
    missing = -x.shape[along] % fmt.group
    if missing:
        padding = (0, missing) if along == 1 else (0, 0, 0, missing)
        x = torch.nn.functional.pad(x, padding, value=filler)
    return x.unflatten(along, (-1, fmt.group))


def _some(where: torch.Tensor, channels: int, along: int = 1) -> Bool:
    """Whether any holds, by channel: of (C, …), or, along 0, of (groups, G, n)."""
    if along == 0:
        where = where.flatten(0, 1)
    return np.asarray(where[:channels].flatten(1).any(1).cpu().numpy(), bool)
