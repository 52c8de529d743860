"""The way forward: arrays and norms of all layers, statistics and scales beside them."""

from functools import partial

from golden.device.assembly import ZERO
from golden.device.firmware.context import CHANNELS, StepContext
from golden.device.firmware.schedule import Work
from golden.spec.learning import ACTIVATION_EXPONENTS, ERROR_RANDOM_BITS


def forward(step: StepContext) -> None:
    """All layers, first to last."""
    it, commands, schedule = step.it, step.commands, step.schedule
    channel = 0
    for index, layer in enumerate(step.network.layers):
        words = step.data.layers[index]
        with it.registers(1) as (shift,):
            step.map_exponent(shift, layer.source)
            it.add(shift, shift, layer.unit)
            number = commands.forward[index]
            schedule.issue(number, commands.cycles[number], shift)
        it.call(step.routines.parameters, words.parameters, words.parameters + layer.filters, channel)
        channel += layer.filters
        schedule.work()
        with it.registers(2) as (shift, addend):
            it.load(shift, words.activation)
            it.subtract(shift, ZERO, shift)
            it.add(shift, shift, ERROR_RANDOM_BITS)
            it.add(addend, ZERO, 0)
            if layer.add is not None:
                step.map_exponent(addend, layer.add)
                it.add(addend, addend, shift)
            number = commands.normed[index]
            schedule.issue(number, commands.cycles[number], shift, addend, _normed(step, index))
        schedule.work()
    schedule.wait()


def _normed(step: StepContext, index: int) -> tuple[Work, ...]:
    """Once a norm has reported: statistics, the scale of its map."""
    words, filters = step.data.layers[index], step.network.layers[index].filters
    counts = words.counts + step.data.distance
    scalars = words.scalars + step.data.distance
    works = [step.scale_work(counts, words.activation, step.values[index], ACTIVATION_EXPONENTS)]
    for first in range(0, filters, CHANNELS):
        end = min(first + CHANNELS, filters)
        call = partial(step.it.call, step.routines.statistics, scalars + 2 * first, scalars + 2 * end)
        works.append(Work(call, 240 * (end - first)))
    return tuple(works)
