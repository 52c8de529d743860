"""What a channel needs once: from exact sums to the words that the passes APPLY and GRAD hold still.

Every function takes all channels at a time; docs/lightnorm.md, sections 4 and 6, has the formulas.
"""

from dataclasses import dataclass

import numpy as np

from golden.lightnorm import scalars
from golden.lightnorm.blocks import Bool
from golden.lightnorm.scalars import Int64, Scalars
from golden.numerics.rounding import round_shift
from golden.spec.block import SCALAR_BITS, BlockFormat, Constants, NormFormat


@dataclass(frozen=True)
class Statistics:
    """What STAT leaves behind; C channels.

    Parameters
    ----------
    mean, scale: of the channel: x̂ = (x − mean)·scale. Zero scale where `flat`.
    spread: 1/scale without epsilon (C·R), for running statistics.
    flat: bool (C,), the chunks have no range (R = 0).
    coarse: bool (C,), the spread is less than one step of the format at the mean; true where flat.
    window: int64 (C,), smallest w with maximum − minimum < 2**w; 0 where flat.
    highest, lowest: int64 (C, chunks), stream positions of the first maximum and minimum of a chunk.
    """

    mean: Scalars
    scale: Scalars
    spread: Scalars
    flat: Bool
    coarse: Bool
    window: Int64
    highest: Int64
    lowest: Int64


@dataclass(frozen=True)
class ApplyWords:
    """y = encode((window(x) − mean)·scale + offset, in units of 2**grid); int64 (C,) each.

    Parameters
    ----------
    window_grid: unit of window(x) and mean is 2**window_grid.
    mean, scale, offset: |mean| < 2**44, |scale| < 2**format.scale,
        |offset| < 2**(format.window − 1 + format.scale).
    grid: unit of y before the encoder.
    """

    window_grid: Int64
    mean: Int64
    scale: Int64
    offset: Int64
    grid: Int64


@dataclass(frozen=True)
class GradWords:
    """dx = encode((window(dy) − mean)·scale ∓ spike, in units of 2**grid); int64 (C,) each.

    |spike| < 2**(format.gradient_window − 1 + format.scale + format.spike); see `ApplyWords` for the rest.
    """

    window_grid: Int64
    mean: Int64
    scale: Int64
    spike: Int64
    grid: Int64


@dataclass(frozen=True)
class Gradients:
    """What REDUCE leaves behind: the parameters' gradients, and GRAD's `mean` and `spike` as scalars.

    Parameters
    ----------
    beta, gamma: dβ = Σdy, dγ = Σdy·x̂.
    mean: Σdy/n.  scale: gamma·s.  spike: scale·(C/K)·dγ: taken from dx at `highest`, added at `lowest`.
    window: int64 (C,), smallest v with all |dy| < 2**v; 0 if all are zero.
    """

    beta: Scalars
    gamma: Scalars
    mean: Scalars
    scale: Scalars
    spike: Scalars
    window: Int64


def divide(divisor: Int64, bits: int) -> Int64:
    """floor(2**(2·bits − 1) / divisor) for 2**(bits−1) ≤ divisor < 2**bits; at most 2**bits − 1."""
    return np.minimum((np.int64(1) << (2 * bits - 1)) // divisor, (1 << bits) - 1)


def reciprocal(value: Scalars, bits: int) -> Scalars:
    """1/value for positive scalars, from one division of `bits` bits; zero for zero."""
    positive = value.mantissa > 0
    shift = SCALAR_BITS - bits
    rounded = round_shift(value.mantissa, shift)
    carry = rounded >> bits
    divisor = np.where(positive, rounded >> carry, 1 << (bits - 1))
    exponent = value.exponent + shift + carry
    return scalars.normalise(divide(divisor, bits), -(2 * bits - 1) - exponent).where(positive)


def statistics(
    total: Scalars,
    ranges: Scalars,
    window: Int64,
    highest: Int64,
    lowest: Int64,
    constants: Constants,
    fmt: NormFormat,
) -> Statistics:
    """From STAT's results, (C,) each; `highest`, `lowest` (C, chunks).

    Parameters
    ----------
    total: Σx.  ranges: Σ over the chunks of maximum − minimum; both exact before they became scalars.
    window: smallest w with maximum − minimum of all < 2**w.
    """
    mean = scalars.multiply(total, scalars.spread(constants.inverse, total))
    spread = scalars.multiply(ranges, scalars.spread(constants.spread, total))
    flat = spread.mantissa == 0
    divisor = scalars.add(spread, scalars.spread(constants.epsilon, total))
    return Statistics(
        mean=mean,
        scale=reciprocal(divisor, fmt.reciprocal).where(~flat),
        spread=spread,
        flat=flat,
        coarse=coarse(mean, spread, fmt.forward),
        window=np.where(flat, 0, window),
        highest=highest,
        lowest=lowest,
    )


def coarse(mean: Scalars, spread: Scalars, fmt: BlockFormat) -> Bool:
    """bool (C,): spread < 2**u, with 2**u the step of the format for values of the mean's size."""
    at_mean = np.where(mean.mantissa == 0, fmt.grid, mean.top - fmt.magnitude_bits)
    return (spread.mantissa == 0) | (spread.top <= np.maximum(at_mean, fmt.grid))


def apply_words(found: Statistics, gamma: Scalars, beta: Scalars, fmt: NormFormat) -> ApplyWords:
    """The words of APPLY. A large beta makes the unit coarser, so that it fits beside the product."""
    scale = scalars.multiply(gamma, found.scale)
    product = fmt.window - 1 + fmt.scale
    window_grid = found.window - (fmt.window - 1)
    finest = np.int64(-(1 << 40))
    for_scale = np.where(scale.mantissa == 0, finest, scale.top - fmt.scale)
    for_beta = np.where(beta.mantissa == 0, finest, beta.top - product - window_grid)
    unit = np.maximum(for_scale, for_beta)
    unit = np.where(unit == finest, 0, unit)
    return ApplyWords(
        window_grid=window_grid,
        mean=scalars.to_grid(found.mean.where(~found.flat), window_grid, 44),
        scale=scalars.to_grid(scale, unit, fmt.scale),
        offset=scalars.to_grid(beta, unit + window_grid, product),
        grid=unit + window_grid,
    )


def centred_moments(products: list[int], totals: list[int], grids: tuple[int, int], mean: Scalars) -> Scalars:
    """Σdy·(x − mean) = Σdy·x − mean·Σdy, exact and then rounded once; (C,).

    Parameters
    ----------
    products: Σdy·x in units of 2**grids[0].  totals: Σdy in units of 2**grids[1].
    """
    means = list(zip(mean.mantissa.tolist(), mean.exponent.tolist(), strict=True))
    # One grid for all channels, so that there is one conversion.
    fine = min(grids[0], *(exponent + grids[1] for _, exponent in means))
    return scalars.from_integers(
        [
            (product << (grids[0] - fine)) - (mantissa * total << (exponent + grids[1] - fine))
            for product, total, (mantissa, exponent) in zip(products, totals, means, strict=True)
        ],
        fine,
    )


def gradients(
    beta: Scalars, moment: Scalars, window: Int64, found: Statistics, gamma: Scalars, constants: Constants
) -> Gradients:
    """From REDUCE's results, (C,) each.

    Parameters
    ----------
    beta: Σdy.  moment: Σdy·(x − mean).  window: smallest v with all |dy| < 2**v, 0 if all are zero.
    """
    d_gamma = scalars.multiply(moment, found.scale)
    scale = scalars.multiply(gamma, found.scale)
    pull = scalars.multiply(d_gamma, scalars.spread(constants.spread, beta))
    return Gradients(
        beta=beta,
        gamma=d_gamma,
        mean=scalars.multiply(beta, scalars.spread(constants.inverse, beta)),
        scale=scale,
        spike=scalars.multiply(scale, pull),
        window=window,
    )


def grad_words(found: Gradients, fmt: NormFormat) -> GradWords:
    """The words of GRAD."""
    window_grid = found.window - (fmt.gradient_window - 2)
    unit = np.where(found.scale.mantissa == 0, 0, found.scale.top - fmt.scale)
    return GradWords(
        window_grid=window_grid,
        mean=scalars.to_grid(found.mean, window_grid, fmt.gradient_window),
        scale=scalars.to_grid(found.scale, unit, fmt.scale),
        spike=scalars.to_grid(
            found.spike, unit + window_grid, fmt.gradient_window - 1 + fmt.scale + fmt.spike
        ),
        grid=unit + window_grid,
    )


def spikes_cut(found: Gradients, words: GradWords) -> Bool:
    """bool (C,): the spike is too large for its bits and saturates."""
    return np.asarray(words.spike != scalars.to_grid(found.spike, words.grid, 60))
