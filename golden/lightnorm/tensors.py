"""The unit's arithmetic on torch tensors, fast: every value that `golden.lightnorm.unit` has, as a float.

All steps are exact in floating point, so the results equal the integer model bit for bit as long as
Σx and Σdy·x stay exact in float64 (values within 2**53 of each other, which real data are).
"""

from dataclasses import dataclass

import numpy as np
import torch

from golden.lightnorm import channel, scalars
from golden.lightnorm.blocks import Bool
from golden.lightnorm.channel import Gradients, GradWords, Statistics
from golden.lightnorm.quantise import BITS, Met, quantise
from golden.lightnorm.scalars import Int64, Scalars
from golden.spec.block import PRESETS, Constants, GroupAxis, NormFormat, Spikes

_FLOAT32_BITS = 24
_FLOAT32_REACH = 100
"""Exponents within ± this are exact in float32, products with powers of two included."""


@dataclass(frozen=True)
class LightNormOptions:
    """How a LightNorm layer computes.

    Parameters
    ----------
    format: number formats, with group size and rounding; see `golden.spec.block.PRESETS`.
    axis: which values share an exponent.  spikes: treatment of the gradient's spikes.
    chunks: K, wanted chunks of a channel.

    The defaults are what the trainings of docs/lightnorm_results.md chose.
    """

    format: NormFormat = PRESETS["light"]
    axis: GroupAxis = GroupAxis.PIXELS
    spikes: Spikes = Spikes.APART
    chunks: int = 8


def work_type(fmt: NormFormat) -> torch.dtype:
    """float32 where it holds every value of the unit exactly, else float64."""
    narrow = max(fmt.window, fmt.gradient_window) + fmt.scale + 1 <= _FLOAT32_BITS
    # Values on the window's grid beside a mean far away.
    narrow &= fmt.window + fmt.forward.magnitude_bits + 1 <= _FLOAT32_BITS
    reach = max(-fmt.forward.grid - fmt.gradient.grid, fmt.forward.exponent_high, fmt.gradient.exponent_high)
    return torch.float32 if narrow and reach <= _FLOAT32_REACH else torch.float64


def _power_of(exponents: Int64, like: torch.Tensor) -> torch.Tensor:
    """2**exponents for (C,) as (C, 1), in the type and place of a tensor."""
    return BITS[torch.float64].power(torch.from_numpy(exponents)).to(like.device, like.dtype)[:, None]


def _column(values: Int64, like: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(values.astype(np.float64)).to(like.device, like.dtype)[:, None]


def _numbers(values: torch.Tensor) -> np.ndarray:
    return values.to(torch.float64).cpu().numpy()


def stat(x: torch.Tensor, constants: Constants, fmt: NormFormat) -> Statistics:
    """As `golden.lightnorm.unit.stat`, for block values x of shape (C, n)."""
    split = constants.chunks
    last = split.starts[-1]
    extremes: list[tuple[torch.Tensor, Int64]] = []
    for pick in (torch.max, torch.min):
        # Both take the first of equal values.
        value, place = pick(x[:, last:], dim=1, keepdim=True)
        place = place + last
        if split.count > 1:
            values, places = pick(x[:, :last].unflatten(1, (split.count - 1, split.length)), dim=2)
            starts = torch.arange(0, last, split.length, device=x.device)
            value = torch.cat([values, value], 1)
            place = torch.cat([places + starts, place], 1)
        extremes.append((value.to(torch.float64), place.cpu().numpy()))
    (high, highest), (low, lowest) = extremes
    width = _numbers(high.amax(1) - low.amin(1))
    return channel.statistics(
        total=scalars.from_floats(_numbers(x.sum(1, dtype=torch.float64))),
        ranges=scalars.from_floats(_numbers((high - low).sum(1))),
        window=np.frexp(width)[1].astype(np.int64),
        highest=highest,
        lowest=lowest,
        constants=constants,
        fmt=fmt,
    )


def _window(values: torch.Tensor, grid: Int64, mean: Int64) -> torch.Tensor:
    return (values * _power_of(-grid, values)).round_().sub_(_column(mean, values))


def apply(
    x: torch.Tensor, found: Statistics, gamma: Scalars, beta: Scalars, options: LightNormOptions
) -> tuple[torch.Tensor, Met]:
    """As `golden.lightnorm.unit.apply`: y (C, n), and what its encoder met."""
    return quantise(apply_exact(x, found, gamma, beta, options.format), options.format.forward, options.axis)


def apply_exact(
    x: torch.Tensor, found: Statistics, gamma: Scalars, beta: Scalars, fmt: NormFormat
) -> torch.Tensor:
    """What APPLY hands to its encoder: y (C, n), exact."""
    words = channel.apply_words(found, gamma, beta, fmt)
    result = _window(x, words.window_grid, words.mean)
    result = result.mul_(_column(words.scale, x)).add_(_column(words.offset, x))
    return result.mul_(_power_of(words.grid, x))


def reduce(
    x: torch.Tensor,
    dy: torch.Tensor,
    found: Statistics,
    gamma: Scalars,
    constants: Constants,
    fmt: NormFormat,
) -> Gradients:
    """As `golden.lightnorm.unit.reduce`, for block values x and dy of shape (C, n)."""
    total = _numbers(dy.sum(1, dtype=torch.float64))
    product = _numbers((x * dy).sum(1, dtype=torch.float64))
    grid = fmt.gradient.grid
    both = fmt.forward.grid + grid
    moment = channel.centred_moments(
        [int(value) for value in np.ldexp(product, -both)],
        [int(value) for value in np.ldexp(total, -grid)],
        (both, grid),
        found.mean,
    )
    window = np.frexp(_numbers(dy.abs().amax(1)))[1].astype(np.int64)
    return channel.gradients(scalars.from_floats(total), moment, window, found, gamma, constants)


def grad(
    dy: torch.Tensor, found: Statistics, gradients: Gradients, options: LightNormOptions
) -> tuple[torch.Tensor, Met, Bool]:
    """As `golden.lightnorm.unit.grad`: dx (C, n), spikes carried apart already added; what the encoder met;
    channels (C,) whose spikes were cut, in their bits or by the encoder.
    """
    fmt = options.format
    places, signs = spike_places(found)
    places = places.to(dy.device)
    if options.spikes == Spikes.APART:
        dx, met = quantise(grad_exact(dy, gradients, fmt), fmt.gradient, options.axis)
        apart = torch.from_numpy(signs * gradients.spike.floats()[:, None]).to(dy.device, dy.dtype)
        return dx.scatter_add_(1, places, apart), met, met.clipped
    words = channel.grad_words(gradients, fmt)
    result = _grad_integers(dy, words)
    unit = _power_of(words.grid, dy)
    # Where both extremes are one value the signs are zero, and both writes write the same.
    there = result.gather(1, places).to(torch.float64).cpu().numpy().astype(np.int64)
    spiked = _to_odd(np.asarray(there + signs * words.spike[:, None], np.int64)).astype(np.float64)
    result.scatter_(1, places, torch.from_numpy(spiked).to(dy.device, dy.dtype))
    quiet = None
    if options.spikes == Spikes.CLIP:
        quiet = torch.zeros(dy.shape, dtype=torch.bool, device=dy.device).scatter_(1, places, True)
    dx, met = quantise(result.mul_(unit), fmt.gradient, options.axis, quiet)
    return dx, met, met.clipped | channel.spikes_cut(gradients, words)


def _grad_integers(dy: torch.Tensor, words: GradWords) -> torch.Tensor:
    return _window(dy, words.window_grid, words.mean).mul_(_column(words.scale, dy))


def grad_exact(dy: torch.Tensor, gradients: Gradients, fmt: NormFormat) -> torch.Tensor:
    """What GRAD hands to its encoder where spikes go apart: dx (C, n), exact."""
    words = channel.grad_words(gradients, fmt)
    return _grad_integers(dy, words).mul_(_power_of(words.grid, dy))


def spike_places(found: Statistics) -> tuple[torch.Tensor, Int64]:
    """Where a channel has its spikes, int64 (C, 2·chunks), and with which sign, −1 or 1 in the same shape:
    the maxima, then the minima; 0 where both are one value.
    """
    apart = np.where(found.highest == found.lowest, 0, 1)
    places = np.concatenate([found.highest, found.lowest], 1)
    return torch.from_numpy(places), np.concatenate([-apart, apart], 1)


def _to_odd(values: Int64) -> Int64:
    """Cut to the bits of float32, the last one set if anything was lost: later roundings stay right."""
    magnitude = np.abs(values)
    cut = np.maximum(scalars.bit_length(values) - _FLOAT32_BITS, 0)
    kept = magnitude >> cut
    kept = kept | ((kept << cut) != magnitude)
    return np.sign(values) * (kept << cut)
