"""Training on the device: what golden and hardware must agree on (docs/learning.md). Plain integers only.

The rules below work on one number at a time; `golden/learning` does the same for whole tensors.
Sources: bucket switch with a counter: SmartDeal (arXiv 2101.01163); stochastic rounding of its counter,
moving scales and errors as powers of two are this project's.
"""

from dataclasses import dataclass
from enum import IntEnum

from golden.spec.block import BlockFormat, NormFormat
from golden.spec.errors import LightDealError
from golden.spec.formats import EXPONENTS

LFSR_BITS = 127
"""The sequence s[t] = s[t−64] ⊕ s[t−127]: the polynomial x^127 + x^63 + 1."""
LFSR_WORD = 64
"""Bits a clock: as no tap is nearer than 64, each fresh bit is one XOR of two bits of the state."""

ERROR_RANDOM_BITS = 8
"""Random bits, and fraction bits, of an int8 error before it is cut; one byte a lane."""
FRACTION_LARGEST = 1 << 21
"""Where a value with fraction bits saturates before another is added and the sum is rounded."""
UPDATE_RANDOM_BITS = 16
"""The same where a counter or a parameter is written; a word serves four, the first in its lowest bits."""
TERM_RANDOM_BITS = 6
"""Lowest bits of a lane's byte that decide a rounding to a power of two."""
TERM_UNIT = 1
"""A power of two stands for an error of 2^this times its value: its codes are those of coefficients."""

NORM_FORMAT = NormFormat(
    forward=BlockFormat(5, -14, 15),
    gradient=BlockFormat(7, 6, 6),
    window=12,
    gradient_window=16,
    reciprocal=10,
    scale=10,
    spike=0,
)
"""LightNorm's: blocks as `golden.spec.block.light` forward; gradients with a fixed exponent, the integers
−127…127, and spikes apart. The mean of dy needs 16 bits: what it is off by all dx of a channel are, and a
gradient adds thousands of them (docs/learning.md, section 11)."""

STANDING_FRACTION = 8
"""Bits below the finest grid of x that the mean of a norm with running statistics has."""

INT8_LARGEST = 127
"""Activations and errors are symmetric: −127…127."""
SCALE_LARGE = 63
SCALE_SATURATED_SHARE = 1024
SCALE_LARGE_SHARE = 4096
"""A scale rises when more than 1/1024 of the values saturate, falls when at most 1/4096 exceed 63."""

ACTIVATION_EXPONENTS = (-16, 8)
ERROR_EXPONENTS = (-48, 8)
GRADIENT_EXPONENTS = (-64, 32)
"""Lowest and highest exponent of a scale; at its end a scale stays."""


COUNTER_BITS = (3, 8)
"""Fewest and most bits of a counter."""

GRADIENT_BITS = 32
"""Sums of a step; what could exceed them is refused before the step."""
GRADIENT_SHARE_BITS = 10
GRADIENT_HIGH = 1722
GRADIENT_LOW = 609
"""2^±0.75 in units of 2^−10: the mean |G| may leave 2^g by these factors before g moves."""

PARAMETER_BITS = 16
PARAMETER_FRACTION = 10
"""gamma, beta and biases: 16 bits, LSB 2^−10. Logits are on the same grid, 32 bits."""
RATE_FRACTION = 8
"""The plain rate (gamma, beta, biases, fully connected) is an integer of units 2^−8."""

HEAD_FRACTION = 4
HEAD_UNIT = -7
HEAD_UNITS = (-12, 0)
"""A weight of the fully connected layer: int8 of unit 2^−7, if a network says no other, with four fraction
bits below."""
CODE_UNIT = -8
"""A code 2^p stands for the weight 2^(p−8); behind batch norm it matters for the formats' range alone."""
IMAGE_EXPONENT = -7
"""Pixels are integers 0…127 of unit 2^−7."""

LOG2_E = 23637
LOG2_E_FRACTION = 14
EXP_FRACTION = 8
EXP_BITS = 16
"""exp(−d) = 2^(−t/256), t = d·log2(e) to the nearest 1/256; the table has 256 values of unit 2^−16."""
LARGEST_CLASSES = 256


class LearningError(LightDealError):
    """Training cannot go on, or not begin: names what is wrong, where, and what would be right."""


class Generator(IntEnum):
    """Who draws random bits: each a generator of its own, so that units may work at the same time."""

    ERRORS = 0
    """The array's error passes, where they drain."""
    NORM = 1
    """The results of the norm's backward pass."""
    TERMS = 2
    """Errors as powers of two, where the gradient pass loads them."""
    CODES = 3
    """The update of codes."""
    SCALARS = 4
    """Head, gamma, beta and biases: a word for each number."""


@dataclass(frozen=True)
class ArrayShape:
    """What the order of random bits, and so the result of a step, depends on.

    Parameters
    ----------
    engines, lanes: as in `golden.spec.config.Config`.  slots: its `accumulators`.

    Raises LearningError for sizes that no training array has.
    """

    engines: int = 4
    lanes: int = 16
    slots: int = 8

    def __post_init__(self) -> None:
        for name, legal in (
            ("engines", range(1, 65)),
            ("lanes", (4, 8, 16, 32, 64)),
            ("slots", range(1, 65)),
        ):
            value = getattr(self, name)
            if value not in legal:
                shown = f"{legal[0]}…{legal[-1]}" if isinstance(legal, range) else f"one of {legal}"
                raise LearningError(f"array field {name!r} = {value}; legal: {shown}")

    def engine_filters(self, filters: int) -> int:
        """Filters of an engine in a round of a layer of `filters`: engine e of round r computes those from
        (r·engines + e)·engine_filters on. As few rounds as there can be, their filters shared out evenly.
        """
        rounds = -(-filters // (self.engines * self.slots))
        return -(-filters // (self.engines * rounds))

    def round_filters(self, filters: int) -> int:
        """Filters of a round of such a layer."""
        return self.engines * self.engine_filters(filters)

    @property
    def random_words(self) -> int:
        """Words of a generator for a word of `lanes` bytes: lane 0 in the lowest byte of the first.

        Four lanes take the lower half of a word; the upper one is dropped.
        """
        return -(-self.lanes * ERROR_RANDOM_BITS // LFSR_WORD)


SMALL_ARRAY = ArrayShape()
"""That of `golden.spec.config.SMALL`."""


@dataclass(frozen=True)
class Lfsr:
    """The state: the last two words of the sequence, `last` the younger; bit 0 of `before` does not count.

    Bit i of word n is s[64·n + i].
    """

    before: int
    last: int

    def __post_init__(self) -> None:
        for name in ("before", "last"):
            value = getattr(self, name)
            if not 0 <= value < 1 << LFSR_WORD:
                raise LearningError(f"LFSR word {name!r} = {value}; legal: 0…2^{LFSR_WORD} − 1")
        if not (self.before >> 1 or self.last):
            raise LearningError(
                "LFSR of zeros: it would stay at zero; at least one of its 127 bits must be set"
            )

    def step(self) -> "Lfsr":
        """The next clock; its `last` is the fresh word."""
        mask = (1 << LFSR_WORD) - 1
        fresh = self.last ^ (self.before >> 1 | self.last << LFSR_WORD - 1 & mask)
        return Lfsr(self.last, fresh)


def seeded(seed: int, generator: int = 0) -> Lfsr:
    """The state that the host loads for a seed of 0…2^64 − 1: words 2k and 2k + 1 of SplitMix64 for
    generator k.

    A trinomial spreads single bits slowly, so the seed itself would be a poor state.
    Source of SplitMix64: Steele, Lea, Flood, OOPSLA 2014.
    """
    mask = (1 << 64) - 1
    if not 0 <= seed <= mask:
        raise LearningError(f"seed = {seed}; legal: 0…2^64 − 1")
    words = []
    for k in (2 * generator + 1, 2 * generator + 2):
        z = (seed + k * 0x9E3779B97F4A7C15) & mask
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & mask
        z = (z ^ z >> 27) * 0x94D049BB133111EB & mask
        words.append(z ^ z >> 31)
    # Never zeros alone: a bijection gives them for one of its values, and these two differ.
    return Lfsr(words[0], words[1])


def stochastic(value: int, bits: int, random: int) -> int:
    """value / 2^bits without bias: `bits` random bits are added, the lowest `bits` cut."""
    return (value + random) >> bits


def power_term(error: int, random: int) -> int:
    """An int8 error as one power of two of twice its unit, 0 or ±2^e, e in 0…6, unbiased: the mean over all
    `random` is half the error.

    `random`: TERM_RANDOM_BITS bits, of which those below the leading one of the error are added (the lowest
    one always); the leading one of the sum is the term, so 1 becomes 2·1 or 0.
    """
    magnitude = abs(error)
    below = (1 << max(magnitude.bit_length() - 1, 1)) - 1
    total = magnitude + (random & below)
    term = 1 << total.bit_length() - 2 if total > 1 else 0
    return -term if error < 0 else term


def moved_scale(exponent: int, values: int, saturated: int, large: int, limits: tuple[int, int]) -> int:
    """The exponent of a tensor's scale for the next step, from the counts of this one.

    saturated: of `values`, those beyond ±127 before saturation.  large: those beyond ±63.
    """
    if saturated * SCALE_SATURATED_SHARE > values:
        return min(exponent + 1, limits[1])
    if large * SCALE_LARGE_SHARE <= values:
        return max(exponent - 1, limits[0])
    return exponent


def moved_gradient(exponent: int, total: int, unit: int, kept: int) -> int:
    """The exponent g of a layer for the next step, from Σ|G| = total·2^unit over its kept codes.

    A layer without any gradient keeps its g.
    """
    if total == 0:
        return exponent
    shift = exponent - unit
    mean, level = total << GRADIENT_SHARE_BITS, kept
    mean, level = (mean, level << shift) if shift >= 0 else (mean << -shift, level)
    if mean > level * GRADIENT_HIGH:
        return min(exponent + 1, GRADIENT_EXPONENTS[1])
    if mean < level * GRADIENT_LOW:
        return max(exponent - 1, GRADIENT_EXPONENTS[0])
    return exponent


def switched(code: int, counter: int, move: int, bits: int) -> tuple[int, int]:
    """Code and counter after the counter of `bits` bits takes `move`.

    Where it reaches ±2^(bits−1) it starts again at 0 and the code moves one exponent towards its sign:
    away from zero ×2 (the largest stays), towards zero ÷2, ±1 → 0, 0 → ±1.
    """
    total = counter + move
    if abs(total) < 1 << (bits - 1):
        return code, total
    sign = 1 if total > 0 else -1
    if code == 0:
        return sign, 0
    magnitude, side = abs(code), 1 if code > 0 else -1
    magnitude = min(magnitude * 2, 1 << (EXPONENTS - 1)) if side == sign else magnitude // 2
    return side * magnitude, 0
