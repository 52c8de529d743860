"""The way back: norm, gradient and error of a layer."""

from functools import partial

from golden.device.assembly import ZERO, Routine
from golden.device.firmware.context import StepContext
from golden.device.firmware.moves import CHANNELS
from golden.device.firmware.schedule import Work
from golden.device.maps import back_groups
from golden.spec.learning import ERROR_EXPONENTS, ERROR_RANDOM_BITS, TERM_UNIT


def back(step: StepContext) -> None:
    """All that is wanted, last layer to first; norms run beside the gradient passes of the group above."""
    commands, schedule = step.commands, step.schedule
    above: list[int] = []
    for group in back_groups(step.network):
        wanted = [index for index in group if commands.norm_error[index] is not None]
        _side_by_side(step, above, wanted)
        for index in wanted:
            if commands.error[index]:
                _error(step, index)
                schedule.work()
        above = [index for index in wanted if commands.gradient[index] is not None]
    _side_by_side(step, above, [])


def _side_by_side(step: StepContext, gradients: list[int], norms: list[int]) -> None:
    """Gradient passes and norms of layers, in their order; next comes the one whose unit is free first."""
    cycles, first = step.commands.cycles, True
    ways = [
        (_gradient, [(index, step.commands.gradient[index]) for index in gradients]),
        (_norm, [(index, step.commands.norm_error[index]) for index in norms]),
    ]
    free = [0, 0]
    while any(waiting for _, waiting in ways):
        way = min((at for at in range(2) if ways[at][1]), key=lambda at: free[at])
        issue, waiting = ways[way]
        index, number = waiting.pop(0)
        assert number is not None
        issue(step, index, number, not first)
        free[way] += cycles[number]
        first = False
    step.schedule.work()


def _norm(step: StepContext, index: int, number: int, beside: bool) -> None:
    it = step.it
    with it.registers(2) as (shift, error):
        step.arrived(shift, index + 1)
        it.load(error, step.data.layers[index].error)
        it.subtract(shift, shift, error)
        it.add(shift, shift, ERROR_RANDOM_BITS)
        cycles = step.commands.cycles[number]
        step.schedule.issue(number, cycles, shift, then=_norm_back(step, index), beside=beside)


def _gradient(step: StepContext, index: int, number: int, beside: bool) -> None:
    it = step.it
    with it.registers(2) as (unit, error):
        # Of the gradient; the update will ask for it when exponents have moved.
        step.map_exponent(unit, step.network.layers[index].source)
        it.load(error, step.data.layers[index].error)
        it.add(unit, unit, error)
        it.add(unit, unit, TERM_UNIT)
        it.store(unit, step.data.units[index])
    step.schedule.issue(number, step.commands.cycles[number], beside=beside)


def _norm_back(step: StepContext, index: int) -> tuple[Work, ...]:
    """Once the norm has reported on the way back: the scale of its errors, gamma and beta."""
    words, report = step.data.layers[index], step.data.backward[index]
    works = []
    if step.commands.error[index] or step.commands.gradient[index] is not None:
        works.append(step.scale_work(report, words.error, step.values[index], ERROR_EXPONENTS))
    if step.scheme.layers[index].norm:
        # dβ, dγ of each channel behind the counts; gamma is drawn first.
        works += _parameters(step, index, step.routines.gamma, report + 3)
        works += _parameters(step, index, step.routines.beta, report + 2)
    return tuple(works)


def _parameters(step: StepContext, index: int, routine: Routine, report: int) -> list[Work]:
    filters, words = step.network.layers[index].filters, step.data.layers[index].parameters
    works = []
    for first in range(0, filters, CHANNELS):
        end = min(first + CHANNELS, filters)
        places = report + 2 * first, words + first, words + end
        unit = partial(step.arrived, index=index + 1)
        works.append(Work(partial(step.it.call, routine, *places, unit), 107 * (end - first)))
    return works


def _error(step: StepContext, index: int) -> None:
    it, network, layer = step.it, step.network, step.network.layers[index]
    source = layer.source
    readers, adder = network.readers(source), network.adder(source)
    below = step.data.layers[source - 1].map_error
    with it.registers(3) as (shift, addend, exponent):
        it.load(exponent, below)
        it.load(shift, step.data.layers[index].error)
        it.subtract(shift, shift, exponent)
        it.add(shift, shift, ERROR_RANDOM_BITS + layer.unit)
        it.add(addend, ZERO, ERROR_RANDOM_BITS)
        if index == readers[-1] and adder is not None:
            step.arrived(addend, adder + 1)
            it.subtract(addend, addend, exponent)
            it.add(addend, addend, ERROR_RANDOM_BITS)
        then: tuple[Work, ...] = ()
        if index == readers[0]:
            values = step.values[source - 1]
            then = (step.scale_work(step.data.errors[index], below, values, ERROR_EXPONENTS),)
        *runs, last = step.commands.error[index]
        for number in runs:
            step.schedule.issue(number, step.commands.cycles[number], shift, addend)
        step.schedule.issue(last, step.commands.cycles[last], shift, addend, then)
