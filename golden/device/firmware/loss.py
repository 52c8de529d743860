"""Logits, softmax, the loss and the errors of the logits."""

from golden.device.assembly import ZERO, Assembly, Label, Register, Second
from golden.device.data import packed_words
from golden.device.firmware.head import UNROLLED, Head, largest_part, pair
from golden.device.firmware.numbers import fraction_shift, inverse_of_sum, probability, store_counts
from golden.spec.controller import PACKED
from golden.spec.frames import Result
from golden.spec.learning import EXP_BITS, EXP_FRACTION, LOG2_E, LOG2_E_FRACTION, PARAMETER_FRACTION

_LOGIT_LARGEST = (1 << 31) - 1
_STEPS = 1 << EXP_FRACTION
_STEPS_SHIFT = 16
"""From a distance of logits times LOG2_E to its steps."""
_DISTANCE = 1 << 15
"""Of a logit from the largest: its exponential is 0 from less than that on."""


def losses(it: Assembly, head: Head) -> None:
    """Logits, softmax, loss and the errors of the logits, image by image (docs/learning.md, section 7)."""
    plan, network = head.plan, head.network
    with it.registers(3) as (feature, term, label):
        with it.registers(2) as (count, step):
            it.constant(count, packed_words(network.features))
            it.add(step, ZERO, PACKED)
            it.strides(count, step, 1)
            it.constant(count, pair(plan.by_class, network.classes))
            it.walk(count, ZERO, ZERO)
        it.constant(feature, plan.features + (network.features - 1) % PACKED)
        it.constant(term, plan.terms)
        it.constant(label, plan.labels)
        image = it.here()
        with it.registers(1) as (best,):
            _logits(it, head, feature, term, label, best)
            with it.registers(2) as (total, mine):
                it.load(mine, label)
                it.add(mine, term, mine)
                _exponentials(it, head, term, best, (total, mine))
                _errors(it, head, term, (total, mine))
        it.add(term, term, network.classes)
        it.add(feature, feature, network.features)
        it.add(label, label, 1)
        with it.registers(1) as (end,):
            it.constant(end, plan.labels + head.images)
            it.unequal(label, end, image)
    store_counts(it, plan.error_counts)
    it.apart()


def _logits(
    it: Assembly, head: Head, feature: Register, term: Register, label: Register, best: Register
) -> None:
    """Logits of an image to `term` on; the largest to `best`; is it the label's?"""
    plan, network = head.plan, head.network
    with it.registers(8) as (bias, end, at, place, value, shift, largest, other):
        it.load(shift, plan.head.activation)
        it.add(shift, shift, network.head_unit + PARAMETER_FRACTION)
        it.constant(largest, _LOGIT_LARGEST)
        it.subtract(best, ZERO, largest + 1)
        it.constant(bias, plan.head.bias)
        it.constant(end, plan.head.bias + network.classes)
        it.add(at, bias, 0)
        it.products(shift, feature, term)
        it.add(place, term, 0)
        at_once = largest_part(network.classes, UNROLLED)
        again = it.here()
        for step in range(at_once):
            better, there = Label(), Label()
            it.load(value, place + step)
            it.load(other, bias + step)
            it.add(value, value, other)
            it.clamp(value, value, largest)
            it.store(value, place + step)
            it.less(best, value, better)
            it.put(there)
            _larger(it, best, value, at, bias + step, better, there)
        it.add(place, place, at_once)
        it.add(bias, bias, at_once)
        it.unequal(bias, end, again)
        wrong = Label()
        it.load(other, label)
        it.add(other, other, plan.head.bias)
        it.unequal(other, at, wrong)
        it.load(other, plan.header(Result.CORRECT))
        it.add(other, other, 1)
        it.store(other, plan.header(Result.CORRECT))
        it.put(wrong)


def _larger(
    it: Assembly, best: Register, value: Register, at: Register, place: Second, better: Label, there: Label
) -> None:
    def largest_yet() -> None:
        it.put(better)
        it.add(best, value, 0)
        it.add(at, ZERO, place)
        it.go(there)

    it.aside(largest_yet)


def _exponentials(
    it: Assembly, head: Head, term: Register, best: Register, found: tuple[Register, Register]
) -> None:
    """Exponentials in the place of logits; their sum; the loss.

    found: the sum, which is made here, and the address of the label's logit.
    """
    plan, (total, mine) = head.plan, found
    with it.registers(6) as (place, end, steps, whole, value, of_label):
        # 256 · distance · log2(e) of the label, in two parts, as the multiplier has 26 bits.
        it.load(steps, mine)
        it.subtract(steps, best, steps)
        it.floor(whole, steps, -16)
        it.high(steps, ZERO, steps)
        it.multiply(steps, steps, LOG2_E)
        assert LOG2_E_FRACTION + PARAMETER_FRACTION - EXP_FRACTION == _STEPS_SHIFT
        it.up(steps, steps, -_STEPS_SHIFT)
        it.multiply(whole, whole, LOG2_E)
        it.add(of_label, steps, whole)
        it.add(total, ZERO, 0)
        it.add(place, term, 0)
        it.add(end, term, head.network.classes)
        at_once = largest_part(head.network.classes, UNROLLED)
        again = it.here()
        for step in range(at_once):
            # The same below zero for each; beyond _DISTANCE an exponential is 0. Ties go down then.
            it.load(steps, place + step)
            it.subtract(steps, steps, best)
            it.maximum(steps, steps, -_DISTANCE)
            it.multiply(steps, steps, LOG2_E)
            it.add(steps, steps, (1 << _STEPS_SHIFT - 1) - 1)
            it.floor(whole, steps, -_STEPS_SHIFT - EXP_FRACTION)
            it.floor(steps, steps, -_STEPS_SHIFT)
            it.bits(steps, steps, _STEPS - 1)
            it.load(value, steps + plan.exponentials)
            it.up(value, value, whole)
            it.add(total, total, value)
            it.store(value, place + step)
        it.add(place, place, at_once)
        it.unequal(place, end, again)
        # 256 · log2 of the sum: its leading one, and eight bits below it.
        it.length(place, total)
        it.add(place, place, -1)
        it.add(value, ZERO, 1)
        it.floor(value, value, place)
        it.subtract(value, total, value)
        it.add(steps, ZERO, EXP_FRACTION)
        it.subtract(steps, steps, place)
        it.up(value, value, steps)
        it.load(value, value + plan.logarithms)
        it.add(place, place, -EXP_BITS)
        it.floor(place, place, EXP_FRACTION)
        it.add(of_label, of_label, value)
        it.add(of_label, of_label, place)
        it.load(value, plan.header(Result.LOSS))
        it.add(value, value, of_label)
        it.store(value, plan.header(Result.LOSS))


def _errors(it: Assembly, head: Head, term: Register, found: tuple[Register, Register]) -> None:
    """int8 errors in the place of exponentials."""
    plan, (total, mine) = head.plan, found
    with it.registers(8) as (place, end, value, half, shift, inverse, quotient, work):
        it.load(value, plan.head.error)
        # The mean over the batch, by the power of two at or above its size.
        it.add(shift, ZERO, -EXP_BITS - (head.images - 1).bit_length())
        it.subtract(shift, shift, value)
        fraction_shift(it, shift)
        inverse_of_sum(it, inverse, half, total)
        it.add(place, term, 0)
        it.add(end, term, head.network.classes)
        at_once = largest_part(head.network.classes, UNROLLED)
        again = it.here()
        for _ in range(at_once):
            label, there = Label(), Label()
            it.load(value, place)
            probability(it, quotient, value, (total, inverse, half), work)
            it.equal(place, mine, label)
            it.put(there)
            it.stochastic(quotient, quotient, shift)
            it.store(quotient, place)
            it.add(place, place, 1)
            _less_one(it, quotient, label, there)
        it.unequal(place, end, again)


def _less_one(it: Assembly, quotient: Register, label: Label, there: Label) -> None:
    def of_label() -> None:
        it.put(label)
        # 2^EXP_BITS, which is beyond an immediate.
        for _ in range(2):
            it.add(quotient, quotient, -(1 << EXP_BITS - 1))
        it.go(there)

    it.aside(of_label)
