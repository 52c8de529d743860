"""What the errors of the logits give: sums of the biases, powers of two, the error of the last map."""

from golden.device.assembly import ZERO, Assembly, Label, Register
from golden.device.firmware.head import UNROLLED, Head, lane_register, largest_part
from golden.device.firmware.numbers import fraction_shift, store_counts
from golden.spec.learning import INT8_LARGEST, TERM_UNIT


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
    with it.registers(3) as (place, end, error):
        it.constant(place, head.plan.terms)
        it.constant(end, head.plan.terms + head.images * head.network.classes)
        again = it.here()
        it.load(error, place)
        it.term(error, error)
        it.store(error, place)
        it.add(place, place, 1)
        it.unequal(place, end, again)


def map_errors(it: Assembly, head: Head) -> None:
    """The error of each feature, at every pixel of the last map where it passes."""
    plan, network = head.plan, head.network
    assert head.errors is not None
    away = head.errors.address - head.last.address
    relu = network.layers[-1].relu
    with it.registers(11) as (
        group,
        word,
        weight,
        end,
        feature,
        term,
        value,
        size,
        shift,
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
        it.add(top, ZERO, INT8_LARGEST)
        it.add(bottom, ZERO, -INT8_LARGEST)
        it.constant(end, plan.head.weights + network.features)
        it.constant(group, head.last.address)
        it.constant(feature, plan.features)
        it.constant(term, plan.terms)
        at_once = largest_part(network.features, UNROLLED // 2 // head.together)
        groups = it.here()
        for image in range(head.together):
            it.add(word, group, 0)
            it.constant(weight, plan.head.weights)
            again = it.here()
            for step in range(at_once):
                blocked, there = Label(), Label()
                it.add(value, ZERO, 0)
                it.dot(value, term, weight + step)
                it.load(size, feature + step)
                it.equal(size, top, blocked)
                if not relu:
                    # Of a map without negative values no feature is negative.
                    it.equal(size, bottom, blocked)
                it.put(there)
                it.stochastic(value, value, shift)
                for place, lane, upto in head.parts(image):
                    # Of a word that is begun the lanes of later images still hold the map.
                    at = word + (step * head.last.stride + place)
                    it.fetch(at if lane == 0 else at + away)
                    it.spread(value, lane_register(it, size, lane), upto, relu)
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
    store_counts(it, plan.map_error_counts)
    it.apart()


def _blocked(it: Assembly, value: Register, blocked: Label, there: Label) -> None:
    def nothing() -> None:
        it.put(blocked)
        it.add(value, ZERO, 0)
        it.go(there)

    it.aside(nothing)
