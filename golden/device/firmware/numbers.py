"""The rules for one number (docs/learning.md, sections 4, 8, 9) as instructions, where they are used."""

from golden.device.assembly import ZERO, Assembly, B, Label, Register
from golden.spec.block import GRID_BITS, SCALAR_BITS
from golden.spec.controller import WORD_BITS
from golden.spec.learning import (
    ERROR_RANDOM_BITS,
    FRACTION_LARGEST,
    INT8_LARGEST,
    SCALE_LARGE,
    TERM_RANDOM_BITS,
    UPDATE_RANDOM_BITS,
)

_FRACTION_SHIFT = FRACTION_LARGEST.bit_length()
"""So far to the left a number other than 0 is beyond FRACTION_LARGEST; of 25 bits none is lost."""


def fraction_shift(it: Assembly, shift: Register) -> None:
    """From the exponent of a value less that of its tensor to the distance for `fraction`."""
    it.add(shift, shift, ERROR_RANDOM_BITS)
    it.minimum(shift, shift, _FRACTION_SHIFT)


def fraction(it: Assembly, value: Register, shift: Register) -> None:
    """value · 2^shift to nearest; |value| < 2^25.

    What is beyond FRACTION_LARGEST is beyond int8, whatever is drawn: it saturates there.
    """
    it.even(value, value, shift)


def counted(it: Assembly, value: Register, size: Register, six: Register, counts: int) -> None:
    """Saturates an integer and counts it for its scale.

    Parameters
    ----------
    size: is lost.  six: holds 6.  counts: address of the numbers of those beyond ±127 and ±63.
    """
    assert (SCALE_LARGE.bit_length(), INT8_LARGEST.bit_length()) == (6, 7)
    large, saturated, within = Label(), Label(), Label()
    it.length(size, value)
    it.less(six, size, large)
    it.put(within)

    def beyond() -> None:
        it.put(large)
        _one_more(it, size, counts + 1)
        it.length(size, value)
        it.add(size, size, -1)
        it.less(six, size, saturated)
        it.go(within)
        it.put(saturated)
        _one_more(it, size, counts)
        it.clamp(value, value, INT8_LARGEST)
        it.go(within)

    it.aside(beyond)


def _one_more(it: Assembly, count: Register, address: int) -> None:
    it.load(count, address)
    it.add(count, count, 1)
    it.store(count, address)


def nearest_int8(it: Assembly, value: Register, size: Register, six: Register, counts: int) -> None:
    """A fraction to int8; see `counted`."""
    it.even(value, value, -ERROR_RANDOM_BITS)
    counted(it, value, size, six, counts)


def stochastic_int8(it: Assembly, value: Register, size: Register, six: Register, counts: int) -> None:
    """A fraction to int8 with a random byte; see `counted`."""
    it.random(size, (1 << ERROR_RANDOM_BITS) - 1)
    it.add(value, value, size)
    it.floor(value, value, -ERROR_RANDOM_BITS)
    counted(it, value, size, six, counts)


def power_term(it: Assembly, error: Register, one: Register, work: tuple[Register, Register]) -> None:
    """An int8 error as a power of two of twice its unit; `one` holds 1."""
    size, random = work
    negative, done = Label(), Label()
    total = random
    # The bits below the leading one of |error|, at least one.
    it.length(size, error)
    it.maximum(size, size, 2)
    it.floor(size, one, size - 1)
    it.random(random, size - 1)
    assert INT8_LARGEST < 1 << TERM_RANDOM_BITS + 1
    it.less(error, ZERO, negative)
    it.add(total, random, error)
    it.length(size, total)
    it.floor(error, one, size - 2)
    it.put(done)

    def below() -> None:
        it.put(negative)
        it.subtract(total, error, random)
        it.length(size, total)
        it.floor(error, one, size - 2)
        it.subtract(error, ZERO, error)
        it.go(done)

    it.aside(below)


_PRODUCT_BITS = 34
"""Of a gradient by a plain rate: 26 and 8."""


def update_limit(largest: int) -> int:
    """Where a move saturates, with its fraction: twice the largest is beyond the other end from anywhere."""
    return 2 * largest << UPDATE_RANDOM_BITS


def moved(
    it: Assembly, move: Register, shift: Register, limits: tuple[Register, Register], work: Register
) -> None:
    """move · 2^shift as an integer without bias, saturated: the random number of 16 bits is drawn.

    Parameters
    ----------
    move: |move| < 2^34.  shift: with the fraction bits of the random number; is lost.
    limits: registers that hold `update_limit` and its negative.
    """
    limit, below = limits
    # What is beyond the limit saturates before it goes to the left, so that it does not wrap.
    room = WORD_BITS - 1 - _PRODUCT_BITS
    it.subtract(work, ZERO, shift)
    it.minimum(work, work, room)
    it.floor(work, below, work)
    it.subtract(work, ZERO, work)
    it.clamp(move, move, work)
    it.minimum(shift, shift, _PRODUCT_BITS)
    it.even(move, move, shift)
    it.clamp(move, move, limit)
    it.random(work, -1)
    it.add(move, move, work)
    it.floor(move, move, -UPDATE_RANDOM_BITS)


def reported(it: Assembly, mantissa: Register, exponent: Register, minus: Register, address: B) -> None:
    """Mantissa with sign and exponent of a reported scalar (`golden.spec.commands.scalar_report_record`).

    `minus` holds −2^SCALAR_BITS. A mantissa of 0 leaves the exponent as it is.
    """
    negative, known = Label(), Label()
    it.load(mantissa, address)
    it.equal(mantissa, ZERO, known)
    # Fields with sign: to the top of the word and back.
    it.floor(exponent, mantissa, WORD_BITS - GRID_BITS - SCALAR_BITS - 1)
    it.floor(exponent, exponent, GRID_BITS - WORD_BITS)
    it.floor(mantissa, mantissa, WORD_BITS - SCALAR_BITS - 1)
    it.floor(mantissa, mantissa, SCALAR_BITS + 1 - WORD_BITS)
    # Mantissa less 2^SCALAR_BITS where there is a sign.
    it.less(mantissa, ZERO, negative)
    it.put(known)

    def signed() -> None:
        it.put(negative)
        it.subtract(mantissa, minus, mantissa)
        it.go(known)

    it.aside(signed)


GUARD = 20
"""Bits below the larger addend's mantissa: rounding to odd below them and then to nearest rounds once."""


def scalar_sum(
    it: Assembly,
    sum_: tuple[Register, Register],
    addend: tuple[Register, Register],
    work: tuple[Register, Register],
    full: Register,
) -> None:
    """sum + addend, rounded to a scalar (`golden.lightnorm.scalars.add`).

    Parameters
    ----------
    sum_, addend: mantissa and exponent; of a zero the exponent is below that of all others, or that of
        another zero. A sum of zero has the exponent 0.  full: holds SCALAR_BITS.
    """
    (mantissa, exponent), (other, other_exponent), (grid, shift) = sum_, addend, work
    odd, done, carried = Label(), Label(), Label()
    it.maximum(grid, exponent, other_exponent)
    it.subtract(exponent, exponent, grid - GUARD)
    it.subtract(shift, other_exponent, grid - GUARD)
    it.sticky(mantissa, mantissa, exponent)
    it.sticky(shift, other, shift)
    it.add(mantissa, mantissa, shift)
    it.length(shift, mantissa)
    it.subtract(shift, full, shift)
    it.even(mantissa, mantissa, shift)
    it.subtract(exponent, grid, shift + GUARD)
    it.length(shift, mantissa)
    it.unequal(shift, full, odd)
    it.put(done)

    def seldom() -> None:
        it.put(odd)
        it.unequal(mantissa, ZERO, carried)
        it.add(exponent, ZERO, 0)
        it.go(done)
        # It was rounded up to the next power of two.
        it.put(carried)
        it.floor(mantissa, mantissa, -1)
        it.add(exponent, exponent, 1)
        it.go(done)

    it.aside(seldom)
