"""Block floating point and the number rules of the LightNorm unit (docs/lightnorm.md). Integers only.

Source of the formats: LightNorm (ICCD 2022, arXiv 2211.02686): 1-5-4 forward, 1-6-3 for gradients,
values of a group sharing the largest exponent.
"""

import math
from dataclasses import dataclass
from enum import IntFlag, StrEnum
from fractions import Fraction

from golden.spec.errors import LightDealError

SCALAR_BITS = 24
"""Significand of the numbers that a channel has once (mean, scale, sums): those of float32."""

GRID_BITS = 10
"""Signed exponents of scalars and grids in hardware: all that formats and scalars of real data need."""

EPSILON = 1e-5
"""Added to what a channel is divided by, unless a host says otherwise."""

CHUNK_ALIGN = 16
"""Chunks begin at multiples of this many values, so no beat of 4, 8 or 16 lanes holds two chunks."""


class FormatError(LightDealError):
    """A number format or a size that cannot work: names field, value and legal set."""


class Rounding(StrEnum):
    """What becomes of the bits below a magnitude."""

    NEAREST = "nearest"
    """To the nearest magnitude, ties to even."""
    TRUNCATE = "truncate"
    """Towards zero."""


class GroupAxis(StrEnum):
    """Which values share an exponent."""

    PIXELS = "pixels"
    """Consecutive values of one channel, in stream order."""
    CHANNELS = "channels"
    """Consecutive channels at one place of their streams."""


class Spikes(StrEnum):
    """How the gradient's terms at the extreme values (2 a chunk) are written."""

    BLOCK = "block"
    """Like every other value."""
    CLIP = "clip"
    """They have no say in the shared exponent of their group, and saturate."""
    APART = "apart"
    """Not in the blocks: one scalar a channel, to be added at the indices of the extremes."""


class Flag(IntFlag):
    """What an encoder met; sticky over a tensor."""

    NONE = 0
    OVERFLOW = 1
    """A group's exponent was above the range: its values saturate."""
    UNDERFLOW = 2
    """A group of values that were not all zero became zero."""
    NAN = 4
    """A NaN became zero."""
    INFINITE = 8
    """An infinity became the largest value of its sign."""


@dataclass(frozen=True)
class BlockFormat:
    """A group of numbers with one exponent: value = ±magnitude · 2**(exponent − magnitude_bits + 1).

    Parameters
    ----------
    magnitude_bits: of a value without its sign, the leading one included; 2…16.
    exponent_low, exponent_high: range of the shared exponent, the power of two of the leading bit.
    group: values that share an exponent (G); a power of two, 1…64.
    rounding: of the bits below a magnitude.
    """

    magnitude_bits: int
    exponent_low: int
    exponent_high: int
    group: int = 4
    rounding: Rounding = Rounding.NEAREST

    def __post_init__(self) -> None:
        _demand(self, "magnitude_bits", 2 <= self.magnitude_bits <= 16, "2…16")
        _demand(self, "exponent_low", -256 <= self.exponent_low <= 255, "-256…255")
        legal = f"{self.exponent_low}…255"
        _demand(self, "exponent_high", self.exponent_low <= self.exponent_high <= 255, legal)
        groups = [2**i for i in range(7)]
        _demand(self, "group", self.group in groups, f"one of {groups}")
        _demand(self, "rounding", isinstance(self.rounding, Rounding), f"one of {list(Rounding)}")

    @property
    def largest(self) -> int:
        """Largest magnitude."""
        return (1 << self.magnitude_bits) - 1

    @property
    def grid(self) -> int:
        """Every value is an integer times 2**grid."""
        return self.exponent_low - self.magnitude_bits + 1

    @property
    def top_grid(self) -> int:
        """Values of the highest exponent are integers times 2**top_grid."""
        return self.exponent_high - self.magnitude_bits + 1

    @property
    def largest_value(self) -> float:
        """What an overflow saturates at."""
        return math.ldexp(self.largest, self.top_grid)

    @property
    def span(self) -> int:
        """Bits of the largest value on the grid, without sign."""
        return self.exponent_high - self.exponent_low + self.magnitude_bits

    @property
    def exponent_bits(self) -> int:
        """Width of a stored exponent: exponent − exponent_low."""
        return (self.exponent_high - self.exponent_low).bit_length()

    @property
    def bits_per_element(self) -> Fraction:
        """Stored bits of a value of a full group: sign, magnitude, its share of the exponent."""
        return 1 + self.magnitude_bits + Fraction(self.exponent_bits, self.group)


def _demand(record: object, field: str, holds: bool, legal: str) -> None:
    if not holds:
        name = type(record).__name__
        raise FormatError(f"{name} field {field!r} = {getattr(record, field)!r}; legal: {legal}")


@dataclass(frozen=True)
class NormFormat:
    """The number formats of a LightNorm unit.

    Parameters
    ----------
    forward, gradient: of x and y; of dy and dx.
    window: signed bits of x − mean in APPLY.  gradient_window: of dy − mean(dy) in GRAD.  8…24.
    reciprocal: bits of divisor and quotient of the one division of a channel; 6…24.
    scale: bits of |gamma·s| at the multipliers; 4…16.
    spike: bits that a spike may exceed the largest other term by before it saturates; 0…16.
    """

    forward: BlockFormat
    gradient: BlockFormat
    window: int
    gradient_window: int
    reciprocal: int
    scale: int
    spike: int = 16

    def __post_init__(self) -> None:
        for field, low, high in (
            ("window", 8, 24),
            ("gradient_window", 8, 24),
            ("reciprocal", 6, 24),
            ("scale", 4, 16),
            ("spike", 0, 16),
        ):
            _demand(self, field, low <= getattr(self, field) <= high, f"{low}…{high}")
        _demand(
            self,
            "window",
            self.window > self.forward.magnitude_bits + 1,
            "forward.magnitude_bits + 2 or more",
        )
        limit = self.gradient.magnitude_bits + 2
        _demand(self, "gradient_window", self.gradient_window > limit, f"{limit + 1} or more")


def light(group: int = 4, rounding: Rounding = Rounding.NEAREST) -> NormFormat:
    """The paper's formats: 5-bit magnitudes with exponents −14…15, gradients 4-bit with −30…31."""
    forward = BlockFormat(5, -14, 15, group, rounding)
    return NormFormat(forward, BlockFormat(4, -30, 31, group, rounding), 12, 12, 10, 10)


def wide(group: int = 4, rounding: Rounding = Rounding.NEAREST) -> NormFormat:
    """8-bit magnitudes in both directions, the exponents of `light`."""
    forward = BlockFormat(8, -14, 15, group, rounding)
    return NormFormat(forward, BlockFormat(8, -30, 31, group, rounding), 16, 16, 16, 12)


def mxint8(rounding: Rounding = Rounding.NEAREST) -> NormFormat:
    """Like MXINT8 of the OCP microscaling formats: 32 values of 7 bits and sign, 8-bit exponents.

    Values are sign and magnitude, so the code that MXINT8 has for −2 is missing.
    """
    block = BlockFormat(7, -127, 127, 32, rounding)
    return NormFormat(block, block, 16, 16, 14, 12)


PRESETS = {"light": light(), "light32": light(32), "wide": wide(), "mxint8": mxint8()}


@dataclass(frozen=True)
class Scalar:
    """mantissa · 2**exponent: |mantissa| of exactly SCALAR_BITS bits, or (0, 0)."""

    mantissa: int
    exponent: int


def scalar(value: float | Fraction) -> Scalar:
    """The scalar nearest to a finite value, ties to even."""
    exact = Fraction(value)
    if not exact:
        return Scalar(0, 0)
    exponent = exact.numerator.bit_length() - exact.denominator.bit_length() - SCALAR_BITS
    # The estimate is exact or one too low: then the quotient has one bit too many.
    if abs(exact) >= Fraction(2) ** (exponent + SCALAR_BITS):
        exponent += 1
    mantissa = round(exact / Fraction(2) ** exponent)
    if abs(mantissa) == 1 << SCALAR_BITS:
        return Scalar(mantissa // 2, exponent + 1)
    return Scalar(mantissa, exponent)


@dataclass(frozen=True)
class Chunks:
    """How the n values of a channel are split: chunk k begins at value k·length.

    Parameters
    ----------
    values: n, at least 2.  count: chunks, at least 1.
    length: of every chunk but the last, which takes the rest: length/2 to 3·length/2 values.
    """

    values: int
    count: int
    length: int

    @property
    def starts(self) -> list[int]:
        """First value of each chunk."""
        return [k * self.length for k in range(self.count)]

    @property
    def index_bits(self) -> int:
        """Width of the number of a value."""
        return (self.values - 1).bit_length()


def chunks(values: int, wanted: int) -> Chunks:
    """At most about `wanted` chunks (K) for a channel of n = `values`, aligned to CHUNK_ALIGN.

    A rest shorter than half a chunk joins the last one; a channel shorter than 3/2·CHUNK_ALIGN, and
    so any with n < K ≤ 16, is one chunk.
    Raises FormatError for n < 2 (a single value has no range) or K outside 1…64.
    """
    if values < 2:
        raise FormatError(f"n = {values} values a channel; legal: 2 or more (a single value has no range)")
    if not 1 <= wanted <= 64:
        raise FormatError(f"chunks K = {wanted}; legal: 1…64")
    if values < wanted:
        wanted = 1
    length = -(-values // (wanted * CHUNK_ALIGN)) * CHUNK_ALIGN
    return Chunks(values, max(1, (values + length // 2) // length), length)


@dataclass(frozen=True)
class Constants:
    """What the host computes for a tensor (all channels alike).

    Parameters
    ----------
    chunks: of a channel.
    inverse: 1/n.
    spread: C/K with C = 1/√(2·ln(n/K)), K the number of chunks: s = 1/(spread·Σ ranges + epsilon).
    epsilon: added to the divisor.
    """

    chunks: Chunks
    inverse: Scalar
    spread: Scalar
    epsilon: Scalar


def constants(values: int, wanted: int = 8, epsilon: float = EPSILON) -> Constants:
    """The host's constants for channels of `values` values; see `chunks` for the errors.

    Raises FormatError if epsilon is not finite or negative.
    """
    if not (math.isfinite(epsilon) and epsilon >= 0):
        raise FormatError(f"epsilon = {epsilon}; legal: finite, 0 or more")
    split = chunks(values, wanted)
    spread = 1 / (split.count * math.sqrt(2 * math.log(values / split.count)))
    return Constants(split, scalar(Fraction(1, values)), scalar(spread), scalar(epsilon))
