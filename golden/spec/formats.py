"""The number rules of the accelerator: formats, coefficient codes, rounding. Plain integers only.

Source of the coefficient format: SmartExchange (ISCA 2020, arXiv 2005.03403), 4-bit power-of-two
coefficients. One code stays zero because training passes through it.
"""

ACTIVATION_BITS = 8
"""Activations, weights of plain layers and basis terms are two's complement of 8 bits."""

EXPONENTS = 7
"""A coefficient is zero or ±2**p with p in range(EXPONENTS)."""

CODE_BITS = 4
EXPONENT_BITS = CODE_BITS - 1
"""A code is its exponent with the sign on top."""
CODE_SIGN = 1 << EXPONENT_BITS
CODE_ZERO = CODE_SIGN - 1
"""The last exponent without sign: the coefficient zero, kept or a filler of the stream."""
CODE_END = CODE_SIGN | CODE_ZERO
"""The same with sign: the end of a job's stream; not a coefficient."""

BASIS = 3
"""S: the papers' basis is S×S; a kernel column has S coefficients."""

GROUPS = (1, 2, 3, 4)
"""Filters that may share one basis in output-group folding; 1 means a scale per filter, no basis."""

BIAS_BITS = 32
SHIFT_BITS = 5
OUTPUT_BITS = 36
"""Width of Σ terms × partial sums + bias; the compiler proves that nothing wraps."""


LANES_BITS = 7
"""Width of a number of lanes, 1…64."""

ALIGN_BITS = 3
"""Width of the left shifts that align a result and a residual."""
MAX_ALIGN = (1 << ALIGN_BITS) - 1
SUM_SHIFT_BITS = 4
"""Width of the rounding shift of an aligned sum, and of a pooled one."""
MAX_SUM_SHIFT = (1 << SUM_SHIFT_BITS) - 1
ALIGNED_BITS = ACTIVATION_BITS + MAX_ALIGN + 1
"""Width of an aligned sum: of two activations shifted as far as can be."""


def encode_coefficient(value: int) -> int:
    """The 4-bit code of a coefficient in {0, ±1, ±2, …, ±2**(EXPONENTS-1)}: sign × 8 + exponent.

    Raises ValueError for any other value.
    """
    if value == 0:
        return CODE_ZERO
    exponent = abs(value).bit_length() - 1
    if abs(value) != 1 << exponent or exponent >= EXPONENTS:
        raise ValueError(f"coefficient {value} is not 0 or ±2**p with p in 0…{EXPONENTS - 1}")
    return (CODE_SIGN if value < 0 else 0) | exponent


def decode_coefficient(code: int) -> int:
    """The integer value of a code. Raises ValueError for CODE_END and for codes of other widths."""
    if not 0 <= code < 1 << CODE_BITS or code == CODE_END:
        raise ValueError(f"code {code} is not a coefficient")
    if code == CODE_ZERO:
        return 0
    magnitude = 1 << (code & CODE_ZERO)
    return -magnitude if code & CODE_SIGN else magnitude


def signed_digits(value: int) -> list[int]:
    """`value` as a shortest sum of coefficients, largest first: the canonical signed digits.

    A digit of 2**EXPONENTS is written as two of 2**(EXPONENTS-1), so that every int8 value has a
    representation, and with the opposite of 2**(EXPONENTS-2) after it as 2**(EXPONENTS-1) and
    2**(EXPONENTS-2). `signed_digits(0)` is empty.
    """
    digits: list[int] = []
    power = 1
    while value:
        digit = 0
        if value & 1:
            digit = 2 - (value & 3)
            value -= digit
        if digit:
            if power == 1 << EXPONENTS:
                digits += [digit * power // 2] * 2
            else:
                digits.append(digit * power)
        value >>= 1
        power *= 2
    digits.reverse()
    quarter = 1 << (EXPONENTS - 2)
    for sign in (1, -1):
        if digits[:3] == [2 * sign * quarter, 2 * sign * quarter, -sign * quarter]:
            digits[:3] = [2 * sign * quarter, sign * quarter]
    return digits


def saturate(value: int, bits: int = ACTIVATION_BITS) -> int:
    """The nearest two's complement value of `bits` bits."""
    return max(-(1 << (bits - 1)), min((1 << (bits - 1)) - 1, value))


def round_shift(value: int, shift: int) -> int:
    """value / 2**shift rounded to the nearest integer, ties to even; exact, any sign, shift ≥ 0."""
    if shift == 0:
        return value
    floor = value >> shift
    rest = value - (floor << shift)
    half = 1 << (shift - 1)
    return floor + (rest > half or (rest == half and floor & 1))
