"""What the errors of the logits give: sums of the biases, powers of two, the error of the last map."""

from golden.device.assembly import ZERO, Assembly
from golden.device.data import packed_words
from golden.device.firmware.head import Head, pair, set_walk
from golden.device.firmware.numbers import fraction_shift, store_counts
from golden.spec.controller import PACKED
from golden.spec.learning import TERM_UNIT


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
    """Powers of two in the place of the errors, in packed words: of the first one of an image the upper
    parts are the last errors of the image before, whose weights there are 0."""
    with it.registers(2) as (elements, place):
        it.constant(elements, pair(0, head.images * head.network.classes))
        it.walk(elements, ZERO, ZERO)
        it.constant(place, head.plan.terms)
        it.terms(place, place)


def map_errors(it: Assembly, head: Head) -> None:
    """The error of each feature, at every pixel of the last map where it passes."""
    plan, network = head.plan, head.network
    assert head.errors is not None
    away = head.errors.address - head.last.address
    with it.registers(6) as (word, end, feature, term, shift, size):
        it.constant(shift, packed_words(network.classes))
        it.constant(size, PACKED)
        it.strides(shift, size, 1)
        # TERM_UNIT and the weights' unit against the error's; the bits of a fraction.
        it.load(size, plan.head.map_error)
        it.load(shift, plan.head.error)
        it.subtract(shift, shift, size)
        it.add(shift, shift, TERM_UNIT + network.head_unit)
        fraction_shift(it, shift)
        it.constant(word, head.last.address)
        it.constant(end, head.last.address + head.last.stride)
        it.constant(feature, plan.features)
        it.constant(term, plan.terms + (network.classes - 1) % PACKED)
        if head.together == 1:
            set_walk(it, head, 0, away, network.features)
        groups = it.here()
        for image in range(head.together):
            # Of a word that is begun the lanes of later images still hold the map.
            begun = set_walk(it, head, image, away, network.features) if head.together > 1 else 0
            it.add(size, word, begun)
            it.high(size, size, term)
            it.errors(shift, size, feature, network.layers[-1].relu)
            it.add(feature, feature, network.features)
            it.add(term, term, network.classes)
        it.add(word, word, head.words)
        it.unequal(word, end, groups)
    store_counts(it, plan.map_error_counts)
