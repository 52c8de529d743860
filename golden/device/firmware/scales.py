"""Routines for scales and statistics."""

from golden.device.assembly import ZERO, Assembly, Label, Register, Routine
from golden.device.data import SCALAR_BIAS, SCALAR_SHIFT, DataPlan
from golden.device.firmware.numbers import reported, scalar_sum
from golden.spec.block import SCALAR_BITS
from golden.spec.controller import WORD_BITS
from golden.spec.learning import GRADIENT_EXPONENTS, GRADIENT_SHARE_BITS


def scale_routine(it: Assembly, plan: DataPlan) -> Routine:
    """`golden.spec.learning.moved_scale`.

    Given: addresses of the counts and of the exponent; most that may saturate, most that may be large where
    it falls, lowest and highest exponent.
    """

    def body(
        counts: Register, place: Register, saturated: Register, large: Register, low: Register, high: Register
    ) -> None:
        rises, done = Label(), Label()
        with it.registers(2) as (exponent, count):
            it.load(exponent, place)
            it.load(count, counts)
            it.less(saturated, count, rises)
            it.load(count, counts + 1)
            it.less(large, count, done)
            it.add(exponent, exponent, -1)
            it.maximum(exponent, exponent, low)
            it.go(done)
            it.put(rises)
            it.add(exponent, exponent, 1)
            it.minimum(exponent, exponent, high)
            it.put(done)
            it.store(exponent, place + plan.distance)

    return it.routine(6, body)


def level_routine(it: Assembly, plan: DataPlan) -> Routine:
    """`golden.spec.learning.moved_gradient`, for the state and the next one.

    Given: addresses of Σ|G|, of the exponent of its unit and of g; the kept codes times GRADIENT_HIGH, times
    GRADIENT_LOW.
    """

    def body(total_at: Register, unit: Register, place: Register, high: Register, low: Register) -> None:
        rises, falls, kept, not_above = (Label() for _ in range(4))
        with it.registers(8) as (total, g, shift, length, other, width, left, right):
            it.load(total, total_at)
            it.equal(total, ZERO, kept)
            it.load(g, place)
            it.load(shift, unit)
            it.subtract(shift, shift, g)
            it.add(width, ZERO, WORD_BITS - 1)
            # Σ|G| · 2^(10 + unit − g) beside a border: by length, then with both at the top of a word.
            it.length(length, total)
            it.subtract(left, width, length)
            it.floor(left, total, left)
            it.add(length, length, shift)
            it.add(length, length, GRADIENT_SHARE_BITS)
            it.length(other, high)
            it.less(other, length, rises)
            it.less(length, other, not_above)
            it.subtract(right, width, other)
            it.floor(right, high, right)
            it.less(right, left, rises)
            it.put(not_above)
            it.length(other, low)
            it.less(length, other, falls)
            it.less(other, length, kept)
            it.subtract(right, width, other)
            it.floor(right, low, right)
            it.less(left, right, falls)
            it.go(kept)
            done = Label()
            it.put(rises)
            it.add(g, g, 1)
            it.minimum(g, g, GRADIENT_EXPONENTS[1])
            it.go(done)
            it.put(falls)
            it.add(g, g, -1)
            it.maximum(g, g, GRADIENT_EXPONENTS[0])
            it.put(done)
            it.store(g, place)
            it.store(g, place + plan.distance)
            it.put(kept)

    return it.routine(5, body)


def statistics_routine(it: Assembly, plan: DataPlan, share: int) -> Routine:
    """Running statistics follow the batch's: running + (batch − running) · 2^−share.

    Given: address of the first scalar of a report, which lies in the next state, and of the end.
    """

    def body(place: Register, end: Register) -> None:
        with it.registers(8) as (mantissa, exponent, running, its_exponent, grid, shift, full, minus):
            it.add(full, ZERO, SCALAR_BITS)
            it.constant(minus, -1 << SCALAR_BITS)
            again, zero, there = it.here(), Label(), Label()
            it.load(running, place - plan.distance)
            it.high(its_exponent, ZERO, running)
            it.floor(running, running, -SCALAR_SHIFT)
            reported(it, mantissa, exponent, minus, place)
            it.equal(mantissa, ZERO, zero)
            it.add(exponent, exponent, SCALAR_BIAS)
            it.put(there)
            batch = mantissa, exponent
            it.subtract(running, ZERO, running)
            scalar_sum(it, batch, (running, its_exponent), (grid, shift), full)
            it.add(exponent, exponent, -share)
            it.subtract(running, ZERO, running)
            scalar_sum(it, batch, (running, its_exponent), (grid, shift), full)
            it.high(mantissa, mantissa, exponent)
            it.store(mantissa, place)
            it.add(place, place, 1)
            it.unequal(place, end, again)

            def nothing() -> None:
                it.put(zero)
                it.add(exponent, ZERO, 0)
                it.go(there)

            it.aside(nothing)

    return it.routine(2, body)
