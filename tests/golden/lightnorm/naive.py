"""LightNorm from docs/lightnorm.md in rational arithmetic, value by value: the oracle of the unit's model."""

from dataclasses import dataclass
from fractions import Fraction

from golden.spec.block import BlockFormat, Constants, NormFormat, Rounding, Scalar, Spikes


def two(exponent: int) -> Fraction:
    return Fraction(2) ** exponent


def real(value: Scalar) -> Fraction:
    return value.mantissa * two(value.exponent)


def top(value: Fraction) -> int:
    """Smallest t with |value| < 2**t."""
    t = abs(value).numerator.bit_length() - value.denominator.bit_length() - 2
    while abs(value) >= two(t):
        t += 1
    return t


def to_bits(value: Fraction, bits: int) -> Fraction:
    """Rounded to `bits` significant bits, ties to even."""
    if not value:
        return value
    unit = two(top(value) - bits)
    return round(value / unit) * unit


def short(value: Fraction) -> Fraction:
    return to_bits(value, 24)


def saturated(value: Fraction | int, low: int, high: int) -> int:
    return max(low, min(high, round(value)))


@dataclass
class Channel:
    """One channel after STAT."""

    mean: Fraction
    scale: Fraction
    spread: Fraction
    coarse: bool
    window: int
    highest: list[int]
    lowest: list[int]


def stat(x: list[Fraction], constants: Constants, fmt: NormFormat) -> Channel:
    split = constants.chunks
    highest, lowest = [], []
    for k in range(split.count):
        stop = split.values if k == split.count - 1 else (k + 1) * split.length
        places = range(k * split.length, stop)
        highest.append(max(places, key=lambda i: (x[i], -i)))
        lowest.append(min(places, key=lambda i: (x[i], i)))
    ranges = sum((x[i] - x[j] for i, j in zip(highest, lowest, strict=True)), Fraction(0))
    mean = short(short(sum(x, Fraction(0))) * real(constants.inverse))
    spread = short(short(ranges) * real(constants.spread))
    step = two(fmt.forward.exponent_low - fmt.forward.magnitude_bits + 1)
    while abs(mean) >= step * 2**fmt.forward.magnitude_bits:
        step *= 2
    coarse = spread < step
    if not ranges:
        return Channel(mean, Fraction(0), spread, coarse, 0, highest, lowest)
    divisor = to_bits(short(spread + real(constants.epsilon)), fmt.reciprocal)
    exponent = top(divisor) - fmt.reciprocal
    quotient = 2 ** (2 * fmt.reciprocal - 1) // int(divisor / two(exponent))
    quotient = min(quotient, 2**fmt.reciprocal - 1)
    scale = quotient * two(1 - 2 * fmt.reciprocal - exponent)
    return Channel(mean, scale, spread, coarse, top(max(x) - min(x)), highest, lowest)


def lane(value: Fraction, mean: Fraction, grid: int) -> int:
    return round(value / two(grid)) - round(mean / two(grid))


def apply(
    x: list[Fraction], found: Channel, gamma: Fraction, beta: Fraction, fmt: NormFormat
) -> list[Fraction]:
    """y before the encoder."""
    scale = short(gamma * found.scale)
    grid = found.window - (fmt.window - 1)
    product = fmt.window - 1 + fmt.scale
    units = [top(scale) - fmt.scale] if scale else []
    units += [top(beta) - product - grid] if beta else []
    unit = max(units, default=0)
    limit = 2**fmt.scale - 1
    factor = saturated(scale / two(unit), -limit, limit)
    offset = saturated(beta / two(unit + grid), -(2**product) + 1, 2**product - 1)
    flat = not found.spread
    return [((0 if flat else lane(v, found.mean, grid)) * factor + offset) * two(unit + grid) for v in x]


@dataclass
class Backward:
    """One channel's dx before the encoder, its gradients, and the spike."""

    dx: list[Fraction]
    gamma: Fraction
    beta: Fraction
    spike: Fraction


def backward(
    x: list[Fraction],
    dy: list[Fraction],
    found: Channel,
    gamma: Fraction,
    constants: Constants,
    fmt: NormFormat,
    spikes: Spikes,
) -> Backward:
    total = sum(dy, Fraction(0))
    beta = short(total)
    moment = sum((e * (v - found.mean) for e, v in zip(dy, x, strict=True)), Fraction(0))
    d_gamma = short(short(moment) * found.scale)
    scale = short(gamma * found.scale)
    spike = short(scale * short(d_gamma * real(constants.spread)))
    mean = short(beta * real(constants.inverse))
    largest = max(abs(e) for e in dy)
    grid = (top(largest) if largest else 0) - (fmt.gradient_window - 2)
    unit = top(scale) - fmt.scale if scale else 0
    limit = 2**fmt.scale - 1
    factor = saturated(scale / two(unit), -limit, limit)
    most = 2 ** (fmt.gradient_window - 1 + fmt.scale + fmt.spike) - 1
    pull = saturated(spike / two(unit + grid), -most, most)
    dx = [lane(e, mean, grid) * factor for e in dy]
    if spikes != Spikes.APART:
        for high, low in zip(found.highest, found.lowest, strict=True):
            dx[high] -= pull
            dx[low] += pull
    return Backward([v * two(unit + grid) for v in dx], d_gamma, beta, spike)


def encode(values: list[Fraction], quiet: list[bool], fmt: BlockFormat) -> list[Fraction]:
    """One group after the encoder and the decoder."""
    counted = [v for v, q in zip(values, quiet, strict=True) if not q] or values

    def magnitudes(exponent: int, of: list[Fraction]) -> list[int]:
        exact = [abs(v) / two(exponent - fmt.magnitude_bits + 1) for v in of]
        return [round(v) if fmt.rounding == Rounding.NEAREST else int(v) for v in exact]

    exponent = fmt.exponent_low
    while exponent < fmt.exponent_high and max(magnitudes(exponent, counted)) > fmt.largest:
        exponent += 1
    held = [min(m, fmt.largest) for m in magnitudes(exponent, values)]
    unit = two(exponent - fmt.magnitude_bits + 1)
    return [m * unit * (-1 if v < 0 else 1) for m, v in zip(held, values, strict=True)]
