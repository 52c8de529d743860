"""How long the parts of a step took, from what a device wrote into its feature memory and when."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from golden.device.plan import StepPlan
from golden.spec import latency
from golden.spec.arithmetics import PAIR
from golden.spec.commands import Command, command_record, payload_records
from golden.spec.tensor import Tensor

PARTS = ("forward", "norm", "head", "error and gradient", "update")
"""A gradient pass writes nothing into the feature memory: what it takes beyond the norm beside it is told
together with the error pass behind."""


def part_cycles(
    plan: StepPlan, cycle: npt.NDArray[np.integer], address: npt.NDArray[np.integer]
) -> dict[str, int]:
    """Cycles of each of PARTS; all together are those up to the last word of the result.

    What the controller does beside a command is in that command's part.

    Parameters
    ----------
    cycle, address: of every word written in a step, in order of time.
    """
    found = dict.fromkeys(PARTS, 0)
    at, before = 0, 0
    for part, target in _written(plan):
        first, end = target.address, target.address + target.shape[0] * target.stride
        inside = (address[at:] >= first) & (address[at:] < end)
        count = len(inside) if inside.all() else int(np.argmin(inside))
        if not count:
            raise AssertionError(f"nothing was written to tensor {target.name!r}")
        at += count
        found[part] += int(cycle[at - 1]) - before
        before = int(cycle[at - 1])
    rest = int(cycle[-1]) - before
    found["update"] = min(rest, _update(plan))
    # Behind the last word written: the gradients of the lowest layer, or the head if it alone learns.
    last = "head" if plan.maps.errors[-1] is None else "error and gradient"
    found[last] += rest - found["update"]
    return found


def _written(plan: StepPlan) -> Iterator[tuple[str, Tensor]]:
    """(part, tensor) of each command that writes one, in the order of a step, and of the head."""
    maps, commands = plan.maps, plan.commands
    for index, sums in enumerate(maps.sums):
        yield "forward", sums
        yield "norm", maps.values[index + 1]
    if maps.errors[-1] is not None:
        yield "head", maps.errors[-1]
    for index in reversed(range(len(plan.network.layers))):
        output, below = maps.outputs[index], maps.errors[plan.network.layers[index].source]
        if commands.norm_error[index] is not None and output is not None:
            yield "norm", output
        if commands.error[index] is not None and below is not None:
            yield "error and gradient", below


def _update(plan: StepPlan) -> int:
    """Cycles of the updates of a step."""
    words, record = plan.commands.words, payload_records(plan.config)[Command.UPDATE]
    total = 0
    for number in (number for rounds in plan.commands.updates for number in rounds):
        payload = command_record(plan.config).unpack(words[number])["payload"]
        total += latency.update(PAIR * record.unpack(payload)["pairs"] * plan.config.engines)
    return total
