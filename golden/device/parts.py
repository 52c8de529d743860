"""How long the parts of a step took, from what a device wrote into its feature memory and when."""

from collections.abc import Iterator
from itertools import product

import numpy as np
import numpy.typing as npt

from golden.device.ahead import piece_filters
from golden.device.maps import back_groups
from golden.device.plan import StepPlan
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
    before = 0
    written = list(_written(plan))
    ends = _ends([words for *_, words in written], cycle, address)
    for (part, name, _), last in zip(written, ends, strict=True):
        if last is None:
            raise AssertionError(f"nothing was written to tensor {name!r}")
        # Of two that are written beside each other the later one takes what is left.
        found[part] += max(0, last - before)
        before = max(before, last)
    rest = int(cycle[-1]) - before
    found["update"] = min(rest, _update(plan))
    # Behind the last word written: the gradients of the lowest layer, or the head if it alone learns.
    last_part = "head" if plan.maps.errors[-1] is None else "error and gradient"
    found[last_part] += rest - found["update"]
    return found


def _ends(
    targets: list[set[int]], cycle: npt.NDArray[np.integer], address: npt.NDArray[np.integer]
) -> list[int | None]:
    """When the last of each target's words was written; they are written in this order, a word once, those of
    two that follow each other perhaps at the same time."""
    open_words = [set(it) for it in targets]
    ends: list[int | None] = [None] * len(targets)
    first = 0
    for when, where in zip(cycle.tolist(), address.tolist(), strict=True):
        at = next((it for it in range(first, len(targets)) if where in open_words[it]), None)
        if at is None:
            continue
        open_words[at].discard(where)
        ends[at] = when
        # One that is two behind has ended, whatever it left out.
        first = max(first, at - 1)
        while first < len(targets) - 1 and not open_words[first]:
            first += 1
    return ends


def _words(
    it: Tensor, channels: range | None = None, words: range | None = None, planes: int = 1
) -> set[int]:
    """Addresses of a tensor, of some channels, of some words of each of their planes."""
    channels, words = channels or range(it.shape[0]), words or range(it.stride)
    places = product(channels, range(planes), words)
    return {it.address + c * it.stride + plane * (it.stride // planes) + word for c, plane, word in places}


def _written(plan: StepPlan) -> Iterator[tuple[str, str, set[int]]]:
    """(part, tensor, addresses) of each command that writes, in the order of a step, and of the head; of two
    beside each other on the way forward the array's first."""
    maps, commands = plan.maps, plan.commands
    for step in plan.steps:
        if array := step.array:
            sums = maps.sums[array.layer]
            yield "forward", sums.name, _words(sums, piece_filters(plan.network, array), array.tiles)
        if norm := step.norm:
            target = maps.values[norm.layer + 1]
            planes = target.degree[0] ** 2
            yield "norm", target.name, _words(target, norm.channels, norm.words, planes)
    if maps.errors[-1] is not None:
        yield "head", maps.errors[-1].name, _words(maps.errors[-1])
    for group in back_groups(plan.network):
        for index in group:
            output = maps.outputs[index]
            if commands.norm_error[index] is not None and output is not None:
                yield "norm", output.name, _words(output)
        for index in group:
            below = maps.errors[plan.network.layers[index].source]
            if commands.error[index] and below is not None:
                yield "error and gradient", below.name, _words(below)


def _update(plan: StepPlan) -> int:
    """Cycles of the updates of a step."""
    words, record = plan.commands.words, payload_records(plan.config)[Command.UPDATE]
    total = 0
    for number in (number for rounds in plan.commands.updates for number in rounds):
        payload = command_record(plan.config).unpack(words[number])["payload"]
        fields = record.unpack(payload)
        total += plan.engines.update_cycles(fields["pair"], fields["pairs"])
    return total
