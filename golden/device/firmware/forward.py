"""The way forward: arrays and norms of all layers, statistics and scales beside them."""

from functools import partial
from itertools import zip_longest

from golden.device.ahead import PassPiece, Step
from golden.device.assembly import ZERO
from golden.device.firmware.context import StepContext
from golden.device.firmware.features import features, pooling_cycles, whole_words
from golden.device.firmware.moves import CHANNELS
from golden.device.firmware.schedule import Work
from golden.learning.scheme import Statistics
from golden.spec.learning import ACTIVATION_EXPONENTS, ERROR_RANDOM_BITS


def forward(step: StepContext) -> int:
    """All layers, piece by piece; what runs beside the next piece of a norm waits for the last one.

    Channels of the last map that have a norm before the last piece are pooled beside that; returns how many.
    """
    steps, numbers, pooled = step.steps, step.commands.ahead, 0
    for it, following, (norm, array) in zip_longest(steps, steps[1:], numbers):
        if it.norm and norm is not None:
            last = not (following and following.norm and following.norm.layer == it.norm.layer)
            _norm(step, it.norm.layer, norm, last)
        if it.array and array is not None:
            _pass(step, it.array, array, norm is not None)
        if following is None and it.norm and it.norm.words.start == 0:
            pooled = whole_words(step.head, it.norm.channels.start)
            if pooled:
                pool = partial(features, step.it, step.head, range(pooled))
                step.schedule.now(Work(pool, pooling_cycles(step.head, pooled)))
        if following is None or not _goes_on(following):
            step.schedule.work()
    step.schedule.wait()
    return pooled


def _goes_on(it: Step) -> bool:
    """A step has a later piece of words, and is not to wait for work."""
    if it.norm:
        return it.norm.words.start > 0
    return it.array is not None and it.array.tiles.start > 0


def _pass(step: StepContext, piece: PassPiece, number: int, beside: bool) -> None:
    """The array's, with gamma and beta on their way to the norm."""
    it, index = step.it, piece.layer
    layer, words = step.network.layers[index], step.data.layers[index]
    with it.registers(1) as (shift,):
        step.map_exponent(shift, layer.source)
        it.add(shift, shift, layer.unit)
        step.schedule.issue(number, step.commands.cycles[number], shift, beside=beside)
    if piece.tiles.start == piece.rounds.start == 0:
        channel = sum(before.filters for before in step.network.layers[:index])
        it.call(step.routines.parameters, words.parameters, words.parameters + layer.filters, channel)


def _norm(step: StepContext, index: int, number: int, last: bool) -> None:
    it, layer, words = step.it, step.network.layers[index], step.data.layers[index]
    with it.registers(2) as (shift, addend):
        it.load(shift, words.activation)
        it.subtract(shift, ZERO, shift)
        it.add(shift, shift, ERROR_RANDOM_BITS)
        it.add(addend, ZERO, 0)
        if layer.add is not None:
            step.map_exponent(addend, layer.add)
            it.add(addend, addend, shift)
        then = _normed(step, index) if last else ()
        step.schedule.issue(number, step.commands.cycles[number], shift, addend, then)


def _normed(step: StepContext, index: int) -> tuple[Work, ...]:
    """Once a norm has reported: statistics, the scale of its map."""
    words, filters = step.data.layers[index], step.network.layers[index].filters
    counts = words.counts + step.data.distance
    scalars = words.scalars + step.data.distance
    works = [step.scale_work(counts, words.activation, step.values[index], ACTIVATION_EXPONENTS)]
    if step.scheme.statistics == Statistics.RUNNING:
        return tuple(works)
    for first in range(0, filters, CHANNELS):
        end = min(first + CHANNELS, filters)
        call = partial(step.it.call, step.routines.statistics, scalars + 2 * first, scalars + 2 * end)
        works.append(Work(call, 265 * (end - first)))
    return tuple(works)
