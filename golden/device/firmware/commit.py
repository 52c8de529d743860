"""The end of a step: codes move, the next state becomes the state."""

from functools import partial

from golden.device.assembly import ZERO
from golden.device.firmware.context import StepContext
from golden.device.firmware.schedule import Work
from golden.spec.frames import Result
from golden.spec.learning import GRADIENT_HIGH, GRADIENT_LOW


def commit(step: StepContext) -> None:
    """Codes move; beside that the next state becomes the state."""
    it, commands, schedule, data = step.it, step.commands, step.schedule, step.data
    with it.registers(1) as (steps,):
        it.load(steps, data.head.steps)
        it.add(steps, steps, 1)
        it.store(steps, data.head.steps + data.distance)
    first = True
    for index in reversed(range(len(step.network.layers))):
        rounds = commands.updates[index]
        for number in rounds:
            with it.registers(2) as (shift, g):
                it.load(shift, data.units[index])
                it.load(g, data.layers[index].gradient)
                it.subtract(shift, shift, g)
                it.load(g, data.code_rate)
                it.add(shift, shift, g)
                it.add(shift, shift, step.network.counter_bits - 1)
                then = _updated(step, index) if number == rounds[-1] else ()
                schedule.issue(number, commands.cycles[number], shift, then=then)
            if first:
                schedule.add(*_copies(step))
            first = False
            schedule.work()
    if first:
        # No command comes any more: what the last one leaves to be done goes before the copies.
        schedule.wait()
        schedule.add(*_copies(step))


def _copies(step: StepContext) -> list[Work]:
    data = step.data
    parts = [(words.scalars, words.end) for words in data.layers] + [(data.head.weights, data.head.end)]
    return [Work(partial(_copy, step, first, end), 20 + end - first) for first, end in parts]


def _copy(step: StepContext, first: int, end: int) -> None:
    """Words of the next state, to those of the state."""
    it = step.it
    with it.registers(2) as (count, source):
        it.constant(count, end - first)
        it.add(source, ZERO, 1)
        it.strides(count, source, 1)
        it.constant(source, first + step.data.distance)
        it.copy(source, first - 1)


def _updated(step: StepContext, index: int) -> tuple[Work, ...]:
    """Once codes have moved: how many, and g."""
    words, kept = step.data.layers[index], step.kept[index]
    report = step.data.updates[index]
    level = partial(
        step.it.call,
        step.routines.level,
        report,
        step.data.units[index],
        words.gradient,
        kept * GRADIENT_HIGH,
        kept * GRADIENT_LOW,
    )
    return Work(partial(_moved, step, report + 1), 10), Work(level, 80)


def _moved(step: StepContext, count: int) -> None:
    it, total = step.it, step.data.header(Result.MOVED)
    with it.registers(2) as (moved, more):
        it.load(moved, total)
        it.load(more, count)
        it.add(moved, moved, more)
        it.store(moved, total)
