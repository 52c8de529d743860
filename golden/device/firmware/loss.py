"""Logits, softmax, the loss and the errors of the logits."""

from golden.device.assembly import ZERO, Assembly, Label, Register
from golden.device.data import packed_words
from golden.device.firmware.head import Head, pair
from golden.device.firmware.numbers import fraction_shift, store_counts
from golden.spec.controller import FACTOR_BITS, PACKED, WALK_FIELD_BITS
from golden.spec.frames import Result
from golden.spec.learning import (
    EXP_BITS,
    EXP_FRACTION,
    LOG2_E,
    LOG2_E_FRACTION,
    PARAMETER_FRACTION,
)

_STEPS_SHIFT = LOG2_E_FRACTION + PARAMETER_FRACTION - EXP_FRACTION
"""From a distance of logits times LOG2_E to its steps."""
_FAR = (1 << FACTOR_BITS[0] - 1) - 1
"""The largest distance that is a factor."""
_HALF_WORD = 16
"""The lower part of a larger one."""


def losses(it: Assembly, head: Head) -> None:
    """Logits, softmax, loss and the errors of the logits, image by image (docs/learning.md, section 7)."""
    plan, network = head.plan, head.network
    with it.registers(2) as (count, step):
        it.constant(count, packed_words(network.features))
        it.add(step, ZERO, PACKED)
        it.strides(count, step, 1)
        it.constant(count, pair(plan.by_class, network.classes))
        it.walk(count, ZERO, ZERO)
    with it.registers(10) as (
        feature,
        term,
        label,
        logit_shift,
        error_shift,
        features,
        table,
        loss,
        right,
        far,
    ):
        it.load(logit_shift, plan.head.activation)
        it.add(logit_shift, logit_shift, network.head_unit + PARAMETER_FRACTION)
        it.load(error_shift, plan.head.error)
        # The mean over the batch, by the power of two at or above its size.
        it.subtract(error_shift, ZERO, error_shift)
        it.add(error_shift, error_shift, -EXP_BITS - (head.images - 1).bit_length())
        fraction_shift(it, error_shift)
        # Two numbers of an operand: the upper one is the same for every image.
        it.constant(features, plan.head.bias)
        it.constant(table, plan.exponentials)
        it.constant(far, _FAR)
        it.constant(feature, plan.features + (network.features - 1) % PACKED)
        it.constant(term, plan.terms)
        it.constant(label, plan.labels)
        it.add(loss, ZERO, 0)
        it.add(right, ZERO, 0)
        image = it.here()
        with it.registers(4) as (best, mine, steps, operand):
            it.load(mine, label)
            it.add(mine, term, mine)
            it.high(operand, features, feature)
            it.add(best, logit_shift, 0)
            it.logits(best, operand, term)
            wrong = Label()
            it.high(operand, ZERO, best)
            it.unequal(operand, mine, wrong)
            it.add(right, right, 1)
            it.put(wrong)
            it.floor(best, best, -WALK_FIELD_BITS)
            it.load(steps, mine)
            it.subtract(steps, best, steps)
            _add_steps(it, loss, steps, (far, operand))
            it.high(operand, table, term)
            it.exponentials(steps, operand, term)
            _add_logarithm(it, loss, steps, (best, operand), plan.logarithms)
            it.high(operand, mine, term)
            it.shares(error_shift, operand, term)
        it.add(term, term, network.classes)
        it.add(feature, feature, network.features)
        it.add(label, label, 1)
        with it.registers(1) as (end,):
            it.constant(end, plan.labels + head.images)
            it.unequal(label, end, image)
        it.store(loss, plan.header(Result.LOSS))
        it.store(right, plan.header(Result.CORRECT))
    store_counts(it, plan.error_counts)
    it.apart()


def _add_steps(it: Assembly, loss: Register, distance: Register, far: tuple[Register, Register]) -> None:
    """256 · distance · log2(e) of the label; the distance is lost.

    far: holds _FAR; from there on it goes in two parts, one in the other register.
    """
    (limit, whole), beyond, there = far, Label(), Label()
    it.less(limit, distance, beyond)
    it.put(there)
    it.multiply(distance, distance, LOG2_E)
    it.up(distance, distance, -_STEPS_SHIFT)
    it.add(loss, loss, distance)

    def two_parts() -> None:
        it.put(beyond)
        it.floor(whole, distance, -_HALF_WORD)
        it.high(distance, ZERO, distance)
        it.multiply(whole, whole, LOG2_E)
        assert _STEPS_SHIFT == _HALF_WORD
        it.add(loss, loss, whole)
        it.go(there)

    it.aside(two_parts)


def _add_logarithm(
    it: Assembly, loss: Register, total: Register, work: tuple[Register, Register], table: int
) -> None:
    """256 · log2(total / 2^EXP_BITS): its leading one, and eight bits below it; the total is lost."""
    length, shift = work
    it.length(length, total)
    it.add(shift, ZERO, EXP_FRACTION + 1)
    it.subtract(shift, shift, length)
    it.up(total, total, shift)
    # With the leading one, which is the table's first word.
    it.load(total, total + (table - (1 << EXP_FRACTION)))
    it.add(loss, loss, total)
    it.floor(length, length, EXP_FRACTION)
    it.add(loss, loss, length - (EXP_BITS + 1 << EXP_FRACTION))
