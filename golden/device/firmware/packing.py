"""The head's weights in packed words, for PRODUCTS and ERRORS."""

from golden.device.assembly import ZERO, Assembly, Register
from golden.device.data import packed_words
from golden.device.firmware.head import Head
from golden.spec.controller import PACKED


def pack_weights(it: Assembly, head: Head) -> None:
    """By class and by feature."""
    plan, classes, features = head.plan, head.network.classes, head.network.features
    _rows(it, plan.head.weights, plan.by_class, (classes, features), (features, 1))
    _rows(it, plan.head.weights, plan.by_feature, (features, classes), (1, features))


def packing_cycles(head: Head) -> int:
    """About."""
    classes, features = head.network.classes, head.network.features
    return 13 * classes * features + 14 * (classes + features)


def _rows(it: Assembly, source: int, target: int, sizes: tuple[int, int], steps: tuple[int, int]) -> None:
    """Rows of numbers: how many, how long; from row to row, from number to number."""
    rows, count = sizes
    words = packed_words(count)
    with it.registers(6) as (row, end, place, packed, to, last):
        it.constant(row, source)
        it.constant(end, source + rows * steps[0])
        it.constant(to, target)
        again = it.here()
        it.add(packed, ZERO, 0)
        it.add(place, row, 0)
        _word(it, packed, place, to, steps[1], count - PACKED * (words - 1))
        if words > 1:
            it.add(last, to, words - 1)
            each = it.here()
            _word(it, packed, place, to, steps[1], PACKED)
            it.unequal(to, last, each)
        it.add(row, row, steps[0])
        it.unequal(row, end, again)


def _word(it: Assembly, packed: Register, place: Register, to: Register, step: int, numbers: int) -> None:
    with it.registers(1) as (word,):
        for number in range(numbers):
            it.load(word, place + number * step)
            it.high(packed, packed, word)
        it.store(packed, to)
        it.add(place, place, numbers * step)
        it.add(to, to, 1)
