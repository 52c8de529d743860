"""The way forward: arrays and norms of all layers, statistics and scales beside them."""

from functools import partial

from golden.device.assembly import ZERO
from golden.device.firmware.context import StepContext
from golden.device.firmware.moves import CHANNELS
from golden.device.firmware.schedule import Work
from golden.device.maps import goes_beside
from golden.learning.scheme import Statistics
from golden.spec.learning import ACTIVATION_EXPONENTS, ERROR_RANDOM_BITS


def forward(step: StepContext) -> None:
    """All layers, first to last; a pass that does not need the map of the norm before it runs beside that."""
    for index in range(len(step.network.layers)):
        if not goes_beside(step.network, index):
            _pass(step, index, False)
        step.schedule.work()
        _norm(step, index)
        if goes_beside(step.network, index + 1):
            _pass(step, index + 1, True)
        step.schedule.work()
    step.schedule.wait()


def _pass(step: StepContext, index: int, beside: bool) -> None:
    """The array's, with gamma and beta on their way to the norm."""
    it, commands, layer, words = step.it, step.commands, step.network.layers[index], step.data.layers[index]
    with it.registers(1) as (shift,):
        step.map_exponent(shift, layer.source)
        it.add(shift, shift, layer.unit)
        number = commands.forward[index]
        step.schedule.issue(number, commands.cycles[number], shift, beside=beside)
    channel = sum(before.filters for before in step.network.layers[:index])
    it.call(step.routines.parameters, words.parameters, words.parameters + layer.filters, channel)


def _norm(step: StepContext, index: int) -> None:
    it, commands, layer, words = step.it, step.commands, step.network.layers[index], step.data.layers[index]
    with it.registers(2) as (shift, addend):
        it.load(shift, words.activation)
        it.subtract(shift, ZERO, shift)
        it.add(shift, shift, ERROR_RANDOM_BITS)
        it.add(addend, ZERO, 0)
        if layer.add is not None:
            step.map_exponent(addend, layer.add)
            it.add(addend, addend, shift)
        number = commands.normed[index]
        step.schedule.issue(number, commands.cycles[number], shift, addend, _normed(step, index))


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
