"""The mean of each channel of the last map."""

from golden.device.assembly import Assembly
from golden.device.firmware.head import Head, set_walk
from golden.device.firmware.numbers import fraction_shift
from golden.spec.controller import PACKED
from golden.spec.latency import WALK_WORD


def whole_words(head: Head, channels: int) -> int:
    """Of the first channels those that fill packed words: of the first word parts may be 0."""
    return max(0, channels - (channels - head.network.features) % PACKED)


def features(it: Assembly, head: Head, channels: range) -> None:
    """The mean of each of some channels of the last map, to int8, in packed words.

    channels: they begin behind the last one of a packed word (`whole_words`).
    """
    plan, count = head.plan, head.network.features
    with it.registers(5) as (word, end, place, shift, size):
        it.load(shift, plan.layers[-1].activation)
        it.load(size, plan.head.activation)
        it.subtract(shift, shift, size)
        it.add(shift, shift, -head.network.pool_shift)
        fraction_shift(it, shift)
        for image in range(head.together):
            start = head.last.address + channels.start * head.last.stride
            start += set_walk(it, head, image, 0, len(channels))
            it.constant(word, start)
            it.constant(end, start + head.images // head.together * head.words)
            it.constant(place, plan.features + image * count + channels.start)
            again = it.here()
            it.high(size, word, 0)
            it.pool(shift, size, place)
            it.add(place, place, head.together * count)
            it.add(word, word, head.words)
            it.unequal(word, end, again)


def pooling_cycles(head: Head, channels: int) -> int:
    """Of so many channels of all images, about, beside a norm."""
    return head.images * (27 + channels * (2 + WALK_WORD * -(-head.pixels // head.config.lanes)))
