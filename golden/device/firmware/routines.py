"""What a step does for many layers, as routines: scales, statistics, parameters, copies."""

from collections.abc import Callable
from dataclasses import dataclass

from golden.device.assembly import ZERO, Assembly, Label, Register, Routine
from golden.device.data import SCALAR_BIAS, SCALAR_SHIFT, DataPlan
from golden.device.firmware.numbers import moved, reported, scalar_sum, update_limit
from golden.learning.network import Network
from golden.learning.state import HEAD_LARGEST
from golden.spec.block import SCALAR_BITS
from golden.spec.controller import DOT_BITS, WORD_BITS
from golden.spec.frames import NUMBER_BYTES
from golden.spec.learning import (
    GRADIENT_EXPONENTS,
    GRADIENT_SHARE_BITS,
    HEAD_FRACTION,
    INT8_LARGEST,
    PARAMETER_BITS,
    PARAMETER_FRACTION,
    RATE_FRACTION,
    UPDATE_RANDOM_BITS,
)

PARAMETER_LARGEST = (1 << PARAMETER_BITS - 1) - 1
MOVE_SHIFT = UPDATE_RANDOM_BITS - RATE_FRACTION
"""From gradient times rate, in the LSB of what moves, to what `moved` takes."""


Part = Callable[[Register, Register], None]
"""Writes instructions on two registers."""


@dataclass(frozen=True)
class Routines:
    """The routines of a step; their functions below say what they are given."""

    scale: Routine
    level: Routine
    statistics: Routine
    gamma: Routine
    beta: Routine
    weights: Routine
    bias: Routine
    parameters: Routine
    copy: Routine
    send: Routine


def write_routines(it: Assembly, network: Network, plan: DataPlan, images: int) -> Routines:
    """All of them; nothing runs into them."""
    past = Label()
    it.go(past)
    found = Routines(
        scale=_scale(it, plan),
        level=_level(it, plan),
        statistics=_statistics(it, plan, network.share),
        gamma=_gamma(it, plan),
        beta=_beta(it, plan),
        weights=_weights(it, plan, network, images),
        bias=_bias(it, plan),
        parameters=_parameters(it),
        copy=_copy(it, plan),
        send=_send(it),
    )
    it.put(past)
    return found


def _scale(it: Assembly, plan: DataPlan) -> Routine:
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


def _level(it: Assembly, plan: DataPlan) -> Routine:
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


def _statistics(it: Assembly, plan: DataPlan, share: int) -> Routine:
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


def _gamma(it: Assembly, plan: DataPlan) -> Routine:
    """See `_parameter`; the next state has gamma alone then."""

    def value(word: Register, _: Register) -> None:
        it.floor(word, word, WORD_BITS - PARAMETER_BITS)
        it.floor(word, word, PARAMETER_BITS - WORD_BITS)

    return _parameter(it, plan, value, lambda word, place: it.store(word, place + plan.distance))


def _beta(it: Assembly, plan: DataPlan) -> Routine:
    """See `_parameter`; behind `_gamma`, whose result it finds in the next state."""

    def keep(word: Register, place: Register) -> None:
        with it.registers(1) as (gamma,):
            it.load(gamma, place + plan.distance)
            it.high(word, word, gamma)
            it.store(word, place + plan.distance)

    return _parameter(it, plan, lambda word, _: it.floor(word, word, -PARAMETER_BITS), keep)


def _parameter(it: Assembly, plan: DataPlan, value: Part, keep: Part) -> Routine:
    """gamma or beta of channels, from the norm's report.

    Given: address of its first scalar of this kind; of the first parameters and of their end; exponent of
    the unit of dy.
    """

    def body(report: Register, place: Register, end: Register, unit: Register) -> None:
        with it.registers(7) as (move, shift, word, rate, limit, below, minus):
            _limits(it, limit, below, PARAMETER_LARGEST)
            it.constant(minus, -1 << SCALAR_BITS)
            it.load(rate, plan.plain_rate)
            it.add(unit, unit, PARAMETER_FRACTION + MOVE_SHIFT)
            again = it.here()
            reported(it, move, shift, minus, report)
            it.add(shift, unit, shift)
            it.multiply(move, move, rate)
            moved(it, move, shift, (limit, below), word)
            it.load(word, place)
            value(word, shift)
            it.add(word, word, move)
            it.constant(shift, PARAMETER_LARGEST)
            it.clamp(word, word, shift)
            keep(word, place)
            it.add(report, report, 2)
            it.add(place, place, 1)
            it.unequal(place, end, again)

    return it.routine(4, body)


def _limits(it: Assembly, limit: Register, below: Register, largest: int) -> None:
    it.constant(limit, update_limit(largest))
    it.subtract(below, ZERO, limit)


def _weights(it: Assembly, plan: DataPlan, network: Network, images: int) -> Routine:
    """The head's weights of a class, from terms and features.

    Given: address of the first weight, and of the class's first term.
    """

    def body(place: Register, terms: Register) -> None:
        with it.registers(10) as (move, shift, word, rate, limit, below, unit, feature, end, eighth):
            it.constant(move, images)
            it.constant(shift, network.classes)
            it.strides(move, shift, network.features)
            _limits(it, limit, below, HEAD_LARGEST)
            it.load(rate, plan.plain_rate)
            # The gradient's unit over that of a weight: TERM_UNIT is in the former.
            it.load(unit, plan.head.error)
            it.load(shift, plan.head.activation)
            it.add(unit, unit, shift)
            it.add(unit, unit, 1 - network.head_unit + HEAD_FRACTION + MOVE_SHIFT)
            it.constant(feature, plan.features)
            it.constant(end, plan.features + network.features)
            again = it.here()
            it.add(move, ZERO, 0)
            it.dot(move, terms, feature)
            it.multiply(move, move, rate)
            it.add(shift, unit, 0)
            moved(it, move, shift, (limit, below), word)
            it.load(word, place)
            it.up(word, word, -DOT_BITS)
            it.add(word, word, move)
            it.clamp(word, word, HEAD_LARGEST)
            it.even(eighth, word, -HEAD_FRACTION)
            it.clamp(eighth, eighth, INT8_LARGEST)
            it.floor(word, word, DOT_BITS)
            it.add(word, word, eighth)
            it.store(word, place + plan.distance)
            it.add(place, place, 1)
            it.add(feature, feature, 1)
            it.unequal(feature, end, again)

    return it.routine(2, body)


def _bias(it: Assembly, plan: DataPlan) -> Routine:
    """The head's biases, from sums of errors.

    Given: address of the first and the end.
    """

    def body(place: Register, end: Register) -> None:
        with it.registers(8) as (move, shift, word, rate, limit, below, unit, sums):
            _limits(it, limit, below, PARAMETER_LARGEST)
            it.load(rate, plan.plain_rate)
            it.load(unit, plan.head.error)
            it.add(unit, unit, PARAMETER_FRACTION + MOVE_SHIFT)
            it.constant(sums, plan.bias)
            again = it.here()
            it.load(move, sums)
            it.multiply(move, move, rate)
            it.add(shift, unit, 0)
            moved(it, move, shift, (limit, below), word)
            it.load(word, place)
            it.add(word, word, move)
            it.constant(shift, PARAMETER_LARGEST)
            it.clamp(word, word, shift)
            it.store(word, place + plan.distance)
            it.add(place, place, 1)
            it.add(sums, sums, 1)
            it.unequal(place, end, again)

    return it.routine(2, body)


def _parameters(it: Assembly) -> Routine:
    """gamma and beta go to LightNorm.

    Given: address of the first word and of the end; channel of the first in LightNorm's memory.
    """

    def body(place: Register, end: Register, channel: Register) -> None:
        with it.registers(1) as (word,):
            again = it.here()
            it.load(word, place)
            it.parameter(word, channel)
            it.add(channel, channel, 1)
            it.add(place, place, 1)
            it.unequal(place, end, again)

    return it.routine(3, body)


def _copy(it: Assembly, plan: DataPlan) -> Routine:
    """The next state becomes the state.

    Given: address of the first word and of the end, in the state.
    """

    def body(place: Register, end: Register) -> None:
        with it.registers(1) as (word,):
            again = it.here()
            it.load(word, place + plan.distance)
            it.store(word, place)
            it.add(place, place, 1)
            it.unequal(place, end, again)

    return it.routine(2, body)


def _send(it: Assembly) -> Routine:
    """Numbers into the feature memory, NUMBER_BYTES each, from a whole word on.

    Given: address of the first number and of the end; of the first feature word.
    """
    lanes = it.config.lanes

    def body(place: Register, end: Register, to: Register) -> None:
        together = min(NUMBER_BYTES, lanes)
        with it.registers(3) as (word, lane, lanes_):
            it.constant(lanes_, lanes)
            it.add(lane, ZERO, 0)
            again, room, last = it.here(), Label(), Label()
            it.load(word, place)
            for first in range(0, NUMBER_BYTES, together):
                for byte in range(together):
                    it.put_byte(word, lane + byte)
                    it.floor(word, word, -8)
                if first + together < NUMBER_BYTES:
                    it.write(to)
                    it.add(to, to, 1)
            it.add(lane, lane, together)
            it.unequal(lane, lanes_, room)
            it.write(to)
            it.add(to, to, 1)
            it.add(lane, ZERO, 0)
            it.put(room)
            it.add(place, place, 1)
            it.unequal(place, end, again)
            # A word that is begun.
            it.equal(lane, ZERO, last)
            it.write(to)
            it.put(last)

    return it.routine(3, body)
