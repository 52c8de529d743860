"""A run of a device: a request, a step of training or what else is asked for, the result."""

from functools import partial

from golden.device.assembly import Label
from golden.device.firmware.back import back
from golden.device.firmware.commit import commit
from golden.device.firmware.context import StepContext
from golden.device.firmware.forward import forward
from golden.device.firmware.head_step import head_step
from golden.device.firmware.packing import pack_weights, packing_cycles
from golden.device.firmware.request import Places, read_labels, read_request
from golden.device.firmware.schedule import Work
from golden.spec.frames import STILL_RATE, Result


def step_program(step: StepContext, places: Places) -> tuple[int, ...]:
    """The program. Raises CapacityError where it is too long."""
    it = step.it
    answer, save, clear = Label(), Label(), Label()
    read_request(step, places, answer, save, clear)
    read_labels(step, places, answer)
    packing = Work(partial(pack_weights, it, step.head), packing_cycles(step.head))
    step.schedule.add(packing)
    pooled = forward(step)
    step.schedule.demand(packing)
    head_step(step, pooled)
    back(step)
    commit(step)
    step.schedule.finish()
    it.put(answer)
    with it.registers(1) as (steps,):
        it.load(steps, step.data.head.steps)
        it.store(steps, step.data.header(Result.STEPS))
    it.call(step.routines.send, 0, len(Result), places.result)
    it.stop()
    it.put(save)
    with it.registers(1) as (steps,):
        it.load(steps, step.data.head.steps)
        it.store(steps, step.data.header(Result.STEPS))
    it.call(step.routines.send, 0, step.data.state + step.data.distance, 0)
    it.issue(step.commands.read)
    it.wait()
    it.stop()
    it.put(clear)
    with it.registers(1) as (still,):
        it.constant(still, STILL_RATE)
        it.issue(step.commands.clear, still)
    it.wait()
    it.go(answer)
    return it.words()
