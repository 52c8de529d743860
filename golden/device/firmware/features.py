"""The mean of each channel of the last map."""

from golden.device.assembly import ZERO, Assembly
from golden.device.firmware.head import UNROLLED, Head, lane_register, largest_part
from golden.device.firmware.numbers import fraction_shift, store_counts


def features(it: Assembly, head: Head) -> None:
    """The mean of each channel of the last map, to int8."""
    plan, count = head.plan, head.network.features
    with it.registers(9) as (word, end, place, row, total, shift, size, first, rows):
        it.load(shift, plan.layers[-1].activation)
        it.load(size, plan.head.activation)
        it.subtract(shift, shift, size)
        it.add(shift, shift, -head.network.pool_shift)
        fraction_shift(it, shift)
        it.constant(word, head.last.address)
        it.constant(row, plan.features)
        it.constant(rows, plan.features + count)
        channel = it.here()
        it.add(end, word, head.last.stride)
        it.add(place, row, 0)
        at_once = head.together * largest_part(head.images // head.together, UNROLLED // head.together)
        group, known = it.here(), -1
        for image in range(at_once):
            it.add(total, ZERO, 0)
            for there, lane, upto in head.parts(image):
                if there != known:
                    it.fetch(word + there)
                    known = there
                it.sum(total, lane_register(it, first, lane), upto)
            it.nearest(total, total, shift)
            it.store(total, place + image * count)
        it.add(place, place, at_once * count)
        it.add(word, word, at_once // head.together * head.words)
        it.unequal(word, end, group)
        it.add(row, row, 1)
        it.unequal(row, rows, channel)
    store_counts(it, plan.feature_counts)
