"""The rules for one number (docs/learning.md, sections 4, 8, 9) as instructions, where they are used."""

from golden.device.assembly import ZERO, Assembly, B, Label, Register
from golden.spec.block import GRID_BITS, SCALAR_BITS
from golden.spec.controller import COUNT_BITS, WORD_BITS
from golden.spec.learning import (
    ERROR_RANDOM_BITS,
    FRACTION_LARGEST,
    UPDATE_RANDOM_BITS,
)

_FRACTION_SHIFT = FRACTION_LARGEST.bit_length()
"""So far to the left a number other than 0 is beyond FRACTION_LARGEST; of 25 bits none is lost."""


def fraction_shift(it: Assembly, shift: Register) -> None:
    """From the exponent of a value less that of its tensor to the distance for rounding to int8.

    |value| < 2^25. A fraction beyond FRACTION_LARGEST is beyond int8, whatever is drawn: it saturates there.
    """
    it.add(shift, shift, ERROR_RANDOM_BITS)
    it.minimum(shift, shift, _FRACTION_SHIFT)


def store_counts(it: Assembly, counts: int) -> None:
    """What was counted: how many beyond ±127 at address `counts`, beyond ±63 behind it."""
    with it.registers(2) as (both, large):
        it.counts(both)
        it.floor(large, both, -COUNT_BITS)
        it.store(large, counts + 1)
        it.floor(large, large, COUNT_BITS)
        it.subtract(both, both, large)
        it.store(both, counts)


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
