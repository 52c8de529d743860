"""The LightNorm unit, bit for bit: the passes STAT, APPLY, REDUCE and GRAD over blocks.

docs/lightnorm.md is the contract. Source: LightNorm (ICCD 2022, arXiv 2211.02686) for range batch norm
in block floating point; the integers and the backward pass are this project's.
"""

from dataclasses import dataclass

import numpy as np

from golden.lightnorm import channel, scalars
from golden.lightnorm.blocks import Blocks, Bool, encode
from golden.lightnorm.channel import ApplyWords, Gradients, GradWords, Statistics
from golden.lightnorm.scalars import Int64, Scalars
from golden.numerics.rounding import round_shift
from golden.spec.block import Chunks, Constants, Flag, FormatError, NormFormat, Spikes


@dataclass(frozen=True)
class Backward:
    """Results of a backward pass: dx in blocks, spikes carried apart (zero otherwise), gradients, flags."""

    dx: Blocks
    apart: Scalars
    gradients: Gradients
    flags: Flag


def _check(blocks: Blocks, what: str, fmt: object, chunks: Chunks) -> None:
    if blocks.format != fmt:
        raise FormatError(f"{what}: blocks of {blocks.format}; this unit takes {fmt}")
    if blocks.magnitudes.shape[1] != chunks.values:
        raise FormatError(
            f"{what}: {blocks.magnitudes.shape[1]} values a channel; the constants are for {chunks.values}"
        )


def chunk_slices(chunks: Chunks) -> list[slice]:
    """The stream positions of every chunk."""
    ends = [*chunks.starts[1:], chunks.values]
    return [slice(start, end) for start, end in zip(chunks.starts, ends, strict=True)]


def stat(x: Blocks, constants: Constants, fmt: NormFormat) -> Statistics:
    """The pass STAT: exact sums and extremes of every channel, then one division.

    Raises FormatError if x has another format or number of values.
    """
    _check(x, "x", fmt.forward, constants.chunks)
    values = x.integers()
    if x.format.span + constants.chunks.index_bits < 62:
        values = values.astype(np.int64)
    slices = chunk_slices(constants.chunks)
    # argmax and argmin take the first of equal values.
    highest = np.stack([values[:, part].argmax(1) + part.start for part in slices], axis=1)
    lowest = np.stack([values[:, part].argmin(1) + part.start for part in slices], axis=1)
    high = np.take_along_axis(values, highest, 1).astype(object)
    low = np.take_along_axis(values, lowest, 1).astype(object)
    grid = x.format.grid
    width = high.max(axis=1) - low.min(axis=1)
    return channel.statistics(
        total=scalars.from_integers(values.sum(axis=1), grid),
        ranges=scalars.from_integers((high - low).sum(axis=1), grid),
        window=np.array([int(bound).bit_length() + grid for bound in width], np.int64),
        highest=highest,
        lowest=lowest,
        constants=constants,
        fmt=fmt,
    )


def window(values: Blocks, grid: Int64, mean: Int64) -> Int64:
    """value − mean on a channel's grid, each value rounded to nearest even.

    At most 2**(W − 1) in size, W the window's bits, by the choice of the grid: docs/lightnorm.md.

    Parameters
    ----------
    grid, mean: int64 (C,).  Returns int64 (C, n).
    """
    shift = values.element_exponents() - grid[:, None]
    # Values far above the window come with a mean as large; docs/lightnorm.md bounds both by 2**44.
    up = values.magnitudes << np.clip(shift, 0, 44 - values.format.magnitude_bits)
    return round_shift(up, np.clip(-shift, 0, 62)) - mean[:, None]


def apply_exact(x: Blocks, found: Statistics, words: ApplyWords) -> Int64:
    """What APPLY hands to its encoder: (C, n), in units of 2**words.grid. One product a value."""
    centred = window(x, words.window_grid, words.mean)
    centred = np.where(found.flat[:, None], 0, centred)
    return centred * words.scale[:, None] + words.offset[:, None]


def apply(x: Blocks, found: Statistics, words: ApplyWords, fmt: NormFormat) -> tuple[Blocks, Flag]:
    """The pass APPLY: y in blocks, and the encoder's flags."""
    return encode(apply_exact(x, found, words), words.grid[:, None], fmt.forward, x.axis)


def forward(
    x: Blocks, gamma: Scalars, beta: Scalars, constants: Constants, fmt: NormFormat
) -> tuple[Blocks, Statistics, Flag]:
    """STAT and APPLY: (y, statistics, flags).

    Parameters
    ----------
    x: in fmt.forward, C channels of constants.chunks.values values.  gamma, beta: shape (C,).
    """
    found = stat(x, constants, fmt)
    y, flags = apply(x, found, channel.apply_words(found, gamma, beta, fmt), fmt)
    return y, found, flags


def reduce(x: Blocks, dy: Blocks, found: Statistics, gamma: Scalars, constants: Constants) -> Gradients:
    """The pass REDUCE: Σdy, Σdy·(x − mean) and max |dy|, all exact."""
    errors = dy.integers()
    totals = errors.sum(axis=1)
    products = (errors * x.integers()).sum(axis=1)
    grid = dy.format.grid
    largest = abs(errors).max(axis=1)
    return channel.gradients(
        beta=scalars.from_integers(totals, grid),
        moment=channel.centred_moments(
            list(products), list(totals), (x.format.grid + grid, grid), found.mean
        ),
        window=np.array([int(bound).bit_length() + grid if bound else 0 for bound in largest], np.int64),
        found=found,
        gamma=gamma,
        constants=constants,
    )


def spike_masks(found: Statistics, values: int) -> tuple[Bool, Bool]:
    """bool (C, values) each: where the chunks have their first maxima and minima."""
    masks = []
    for places in (found.highest, found.lowest):
        mask = np.zeros((len(places), values), bool)
        np.put_along_axis(mask, places, True, axis=1)
        masks.append(mask)
    return masks[0], masks[1]


def grad_exact(dy: Blocks, words: GradWords) -> Int64:
    """What GRAD hands to its encoder where spikes go apart: (C, n), in units of 2**words.grid."""
    return window(dy, words.window_grid, words.mean) * words.scale[:, None]


def grad(
    dy: Blocks, found: Statistics, words: GradWords, fmt: NormFormat, spikes: Spikes
) -> tuple[Blocks, Flag]:
    """The pass GRAD: dx in blocks, and the encoder's flags; it reads dy and the indices, not x."""
    result = grad_exact(dy, words)
    high, low = spike_masks(found, dy.magnitudes.shape[1])
    if spikes != Spikes.APART:
        result = result + (low.astype(np.int64) - high) * words.spike[:, None]
    quiet = high | low if spikes == Spikes.CLIP else None
    return encode(result, words.grid[:, None], fmt.gradient, dy.axis, quiet)


def backward(
    x: Blocks,
    dy: Blocks,
    found: Statistics,
    gamma: Scalars,
    constants: Constants,
    fmt: NormFormat,
    spikes: Spikes = Spikes.BLOCK,
) -> Backward:
    """REDUCE and GRAD.

    Parameters
    ----------
    x: as APPLY read it.  dy: in fmt.gradient, same shape.  found: of `stat` for x.

    Raises FormatError if dy has another format or shape.
    """
    _check(dy, "dy", fmt.gradient, constants.chunks)
    gradients = reduce(x, dy, found, gamma, constants)
    dx, flags = grad(dy, found, channel.grad_words(gradients, fmt), fmt, spikes)
    apart = gradients.spike.where(np.full(found.flat.shape, spikes == Spikes.APART))
    return Backward(dx, apart, gradients, flags)


def stored_spikes(found: Statistics, apart: Scalars, values: int) -> np.ndarray:
    """float64 (C, values): what spikes carried apart add to dx."""
    high, low = spike_masks(found, values)
    return (low.astype(np.float64) - high) * apart.floats()[:, None]
