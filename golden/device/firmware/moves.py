"""Routines that move parameters: gamma, beta, weights and biases of the head."""

from collections.abc import Callable

from golden.device.assembly import ZERO, Assembly, Register, Routine
from golden.device.data import DataPlan
from golden.device.firmware.numbers import moved, reported, update_limit
from golden.learning.network import Network
from golden.learning.state import HEAD_LARGEST
from golden.spec.block import SCALAR_BITS
from golden.spec.controller import DOT_BITS, WORD_BITS
from golden.spec.learning import (
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

CHANNELS = 16
"""Of a piece of work at most: pieces stand beside commands."""

Part = Callable[[Register, Register], None]
"""Writes instructions on two registers."""


def gamma_routine(it: Assembly, plan: DataPlan) -> Routine:
    """See `_parameter`; the next state has gamma alone then."""

    def value(word: Register, _: Register) -> None:
        it.floor(word, word, WORD_BITS - PARAMETER_BITS)
        it.floor(word, word, PARAMETER_BITS - WORD_BITS)

    return _parameter(it, plan, value, lambda word, place: it.store(word, place + plan.distance))


def beta_routine(it: Assembly, plan: DataPlan) -> Routine:
    """See `_parameter`; behind `gamma_routine`, whose result it finds in the next state."""

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


def weights_routine(it: Assembly, plan: DataPlan, network: Network, images: int) -> Routine:
    """The head's weights of a class, from terms and features.

    Given: address of the first weight, of the class's first term, of the first of up to CHANNELS features.
    """

    def body(place: Register, terms: Register, feature: Register) -> None:
        with it.registers(9) as (move, shift, word, rate, limit, below, unit, end, eighth):
            it.add(end, feature, CHANNELS)
            it.constant(eighth, plan.features + network.features)
            it.minimum(end, end, eighth)
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

    return it.routine(3, body)


def bias_routine(it: Assembly, plan: DataPlan) -> Routine:
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
