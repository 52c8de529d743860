"""The head of a step: mean of the last map, logits, loss, errors, the error of the last map."""

from dataclasses import dataclass
from math import lcm

from golden.device.assembly import ZERO, Assembly, Label, Register
from golden.device.data import DataPlan
from golden.device.firmware.numbers import (
    fraction,
    fraction_shift,
    nearest_int8,
    power_term,
    stochastic_int8,
)
from golden.learning.network import Network
from golden.spec.config import Config
from golden.spec.frames import Result
from golden.spec.learning import (
    EXP_BITS,
    EXP_FRACTION,
    INT8_LARGEST,
    LOG2_E,
    LOG2_E_FRACTION,
    PARAMETER_FRACTION,
    TERM_UNIT,
)
from golden.spec.tensor import Tensor

_LOGIT_LARGEST = (1 << 31) - 1
_STEPS = 1 << EXP_FRACTION
_UNROLLED = 8
"""Values that a loop over most of the work has in one turn, about."""


@dataclass(frozen=True)
class Head:
    """What the head works on.

    Parameters
    ----------
    last: the last map.  errors: its error, of the same shape, where it is wanted.
    """

    network: Network
    images: int
    config: Config
    plan: DataPlan
    last: Tensor
    errors: Tensor | None

    @property
    def pixels(self) -> int:
        """Of an image of the last map."""
        _, height, width = self.network.shape(len(self.network.layers))
        return height * width

    @property
    def together(self) -> int:
        """Images that fill whole words together: the batch is a multiple (`Network.check_batch`)."""
        return lcm(self.pixels, self.config.lanes) // self.pixels

    @property
    def words(self) -> int:
        """Words that they fill."""
        return self.together * self.pixels // self.config.lanes

    def parts(self, image: int) -> list[tuple[int, int, int]]:
        """(word, first lane, end lane) of what one of them has in each word."""
        lanes, found = self.config.lanes, []
        at, end = image * self.pixels, (image + 1) * self.pixels
        while at < end:
            word, lane = divmod(at, lanes)
            upto = min(lanes, lane + end - at)
            found.append((word, lane, upto))
            at += upto - lane
        return found


def features(it: Assembly, head: Head) -> None:
    """The mean of each channel of the last map, to int8."""
    plan, count = head.plan, head.network.features
    _clear(it, plan.feature_counts)
    with it.registers(10) as (word, end, place, row, total, shift, size, six, first, rows):
        it.load(shift, plan.layers[-1].activation)
        it.load(size, plan.head.activation)
        it.subtract(shift, shift, size)
        it.add(shift, shift, -head.network.pool_shift)
        fraction_shift(it, shift)
        it.add(six, ZERO, 6)
        it.constant(word, head.last.address)
        it.constant(row, plan.features)
        it.constant(rows, plan.features + count)
        channel = it.here()
        it.add(end, word, head.last.stride)
        it.add(place, row, 0)
        at_once = head.together * _largest_part(head.images // head.together, _UNROLLED // head.together)
        group, known = it.here(), -1
        for image in range(at_once):
            it.add(total, ZERO, 0)
            for there, lane, upto in head.parts(image):
                if there != known:
                    it.fetch(word + there)
                    known = there
                it.sum(total, _lane(it, first, lane), upto)
            fraction(it, total, shift)
            nearest_int8(it, total, size, six, plan.feature_counts)
            it.store(total, place + image * count)
        it.add(place, place, at_once * count)
        it.add(word, word, at_once // head.together * head.words)
        it.unequal(word, end, group)
        it.add(row, row, 1)
        it.unequal(row, rows, channel)
    it.apart()


def _largest_part(number: int, most: int) -> int:
    """The largest number up to `most` that divides another, at least 1."""
    return next(part for part in range(max(1, most), 0, -1) if number % part == 0)


def _lane(it: Assembly, register: Register, lane: int) -> Register:
    if lane == 0:
        return ZERO
    it.add(register, ZERO, lane)
    return register


def _clear(it: Assembly, counts: int) -> None:
    it.store(ZERO, counts)
    it.store(ZERO, counts + 1)


def losses(it: Assembly, head: Head) -> None:
    """Logits, softmax, loss and the errors of the logits, image by image (docs/learning.md, section 7)."""
    plan, network = head.plan, head.network
    _clear(it, plan.error_counts)
    with it.registers(3) as (feature, term, label):
        with it.registers(2) as (count, step):
            it.constant(count, network.features)
            it.add(step, ZERO, 1)
            it.strides(count, step, 1)
        it.constant(feature, plan.features)
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
    it.apart()


def _logits(
    it: Assembly, head: Head, feature: Register, term: Register, label: Register, best: Register
) -> None:
    """Logits of an image to `term` on; the largest to `best`; is it the label's?"""
    plan, network = head.plan, head.network
    with it.registers(9) as (weight, bias, end, at, place, value, shift, largest, other):
        it.load(shift, plan.head.activation)
        it.add(shift, shift, network.head_unit + PARAMETER_FRACTION)
        it.constant(largest, _LOGIT_LARGEST)
        it.subtract(best, ZERO, largest + 1)
        it.constant(weight, plan.head.weights)
        it.constant(bias, plan.head.bias)
        it.constant(end, plan.head.bias + network.classes)
        it.add(at, bias, 0)
        it.add(place, term, 0)
        again, better, there = it.here(), Label(), Label()
        it.add(value, ZERO, 0)
        it.dot(value, feature, weight)
        it.even(value, value, shift)
        it.load(other, bias)
        it.add(value, value, other)
        it.clamp(value, value, largest)
        it.store(value, place)
        it.less(best, value, better)
        it.put(there)
        it.add(weight, weight, network.features)
        it.add(place, place, 1)
        it.add(bias, bias, 1)
        it.unequal(bias, end, again)

        def largest_yet() -> None:
            it.put(better)
            it.add(best, value, 0)
            it.add(at, bias, 0)
            it.go(there)

        it.aside(largest_yet)
        wrong = Label()
        it.load(other, label)
        it.add(other, other, plan.head.bias)
        it.unequal(other, at, wrong)
        it.load(other, plan.header(Result.CORRECT))
        it.add(other, other, 1)
        it.store(other, plan.header(Result.CORRECT))
        it.put(wrong)


def _exponentials(
    it: Assembly, head: Head, term: Register, best: Register, found: tuple[Register, Register]
) -> None:
    """Exponentials in the place of logits; their sum; the loss.

    found: the sum, which is made here, and the address of the label's logit.
    """
    plan, (total, mine) = head.plan, found
    with it.registers(7) as (place, end, steps, high, value, share, of_label):
        it.add(total, ZERO, 0)
        it.add(of_label, ZERO, 0)
        it.add(place, term, 0)
        it.add(end, term, head.network.classes)
        again, label, there = it.here(), Label(), Label()
        # 256 · distance · log2(e), in two parts, as the multiplier has 26 bits.
        it.load(steps, place)
        it.subtract(steps, best, steps)
        it.floor(high, steps, -16)
        it.high(steps, ZERO, steps)
        it.multiply(steps, steps, LOG2_E)
        assert LOG2_E_FRACTION + PARAMETER_FRACTION - EXP_FRACTION == 16
        it.up(steps, steps, -16)
        it.multiply(high, high, LOG2_E)
        it.add(steps, steps, high)
        it.equal(place, mine, label)
        it.put(there)
        it.bits(share, steps, _STEPS - 1)
        it.load(value, share + plan.exponentials)
        it.floor(steps, steps, -EXP_FRACTION)
        it.minimum(steps, steps, EXP_BITS + 2)
        it.subtract(steps, ZERO, steps)
        it.up(value, value, steps)
        it.add(total, total, value)
        it.store(value, place)
        it.add(place, place, 1)
        it.unequal(place, end, again)

        def remember() -> None:
            it.put(label)
            it.add(of_label, steps, 0)
            it.go(there)

        it.aside(remember)
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
    with it.registers(7) as (place, end, value, half, shift, size, six):
        it.load(value, plan.head.error)
        # The mean over the batch, by the power of two at or above its size.
        it.add(shift, ZERO, -EXP_BITS - (head.images - 1).bit_length())
        it.subtract(shift, shift, value)
        fraction_shift(it, shift)
        it.add(six, ZERO, 6)
        it.floor(half, total, -1)
        it.add(place, term, 0)
        it.add(end, term, head.network.classes)
        again, label, there = it.here(), Label(), Label()
        it.load(value, place)
        it.floor(value, value, EXP_BITS)
        it.add(value, value, half)
        it.divide(value, value, total)
        it.equal(place, mine, label)
        it.put(there)
        fraction(it, value, shift)
        stochastic_int8(it, value, size, six, plan.error_counts)
        it.store(value, place)
        it.add(place, place, 1)
        it.unequal(place, end, again)

        def less_one() -> None:
            it.put(label)
            it.constant(size, 1 << EXP_BITS)
            it.subtract(value, value, size)
            it.go(there)

        it.aside(less_one)


def bias_sums(it: Assembly, head: Head) -> None:
    """Σ of the int8 errors of each class."""
    plan, classes = head.plan, head.network.classes
    with it.registers(4) as (total, term, place, end):
        it.constant(total, head.images)
        it.constant(term, classes)
        it.strides(total, term, 0)
        it.constant(term, plan.terms)
        it.constant(place, plan.bias)
        it.constant(end, plan.bias + classes)
        again = it.here()
        it.add(total, ZERO, 0)
        it.dot(total, term, plan.one)
        it.store(total, place)
        it.add(term, term, 1)
        it.add(place, place, 1)
        it.unequal(place, end, again)


def powers(it: Assembly, head: Head) -> None:
    """Powers of two in the place of the errors."""
    with it.registers(6) as (place, end, error, one, size, random):
        it.add(one, ZERO, 1)
        it.constant(place, head.plan.terms)
        it.constant(end, head.plan.terms + head.images * head.network.classes)
        again = it.here()
        it.load(error, place)
        power_term(it, error, one, (size, random))
        it.store(error, place)
        it.add(place, place, 1)
        it.unequal(place, end, again)
    it.apart()


def map_errors(it: Assembly, head: Head) -> None:
    """The error of each feature, at every pixel of the last map where it passes."""
    plan, network = head.plan, head.network
    assert head.errors is not None
    _clear(it, plan.map_error_counts)
    away = head.errors.address - head.last.address
    relu = network.layers[-1].relu
    with it.registers(12) as (
        group,
        word,
        weight,
        end,
        feature,
        term,
        value,
        size,
        shift,
        six,
        top,
        bottom,
    ):
        it.constant(value, network.classes)
        it.add(size, ZERO, 1)
        it.strides(value, size, network.features)
        # TERM_UNIT and the weights' unit against the error's; the bits of a fraction.
        it.load(value, plan.head.map_error)
        it.load(shift, plan.head.error)
        it.subtract(shift, shift, value)
        it.add(shift, shift, TERM_UNIT + network.head_unit)
        fraction_shift(it, shift)
        it.add(six, ZERO, 6)
        it.add(top, ZERO, INT8_LARGEST)
        it.add(bottom, ZERO, -INT8_LARGEST)
        it.constant(end, plan.head.weights + network.features)
        it.constant(group, head.last.address)
        it.constant(feature, plan.features)
        it.constant(term, plan.terms)
        at_once = _largest_part(network.features, _UNROLLED // 2 // head.together)
        groups = it.here()
        for image in range(head.together):
            it.add(word, group, 0)
            it.constant(weight, plan.head.weights)
            again = it.here()
            for step in range(at_once):
                blocked, there = Label(), Label()
                it.add(value, ZERO, 0)
                it.dot(value, term, weight + step)
                fraction(it, value, shift)
                it.load(size, feature + step)
                it.equal(size, top, blocked)
                it.equal(size, bottom, blocked)
                it.put(there)
                stochastic_int8(it, value, size, six, plan.map_error_counts)
                for place, lane, upto in head.parts(image):
                    # Of a word that is begun the lanes of later images still hold the map.
                    at = word + (step * head.last.stride + place)
                    it.fetch(at if lane == 0 else at + away)
                    it.spread(value, _lane(it, size, lane), upto, relu)
                    it.write(at + away)
                _blocked(it, value, blocked, there)
            it.add(word, word, at_once * head.last.stride)
            it.add(feature, feature, at_once)
            it.add(weight, weight, at_once)
            it.unequal(weight, end, again)
            it.add(term, term, network.classes)
        it.add(group, group, head.words)
        it.constant(size, head.last.address + head.last.stride)
        it.unequal(group, size, groups)
    it.apart()


def _blocked(it: Assembly, value: Register, blocked: Label, there: Label) -> None:
    def nothing() -> None:
        it.put(blocked)
        it.add(value, ZERO, 0)
        it.go(there)

    it.aside(nothing)
