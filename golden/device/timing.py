"""The time of a step on a device, to the cycle: the controller's program, and the time of each command.

Golden makes the step. What the controller does depends on its numbers, and an array's pass on its codes and
on which rows are zero; all other commands take what their fields say.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch

from golden.cycles.layers import Layer, zero_rows
from golden.cycles.norm import norm_timing
from golden.cycles.passes import pass_cycles
from golden.datapath.decode import PairBlock
from golden.device.plan import StepPlan
from golden.device.played import PlayedDevice, command_fields, part_of
from golden.device.streams import stream
from golden.learning.state import State
from golden.learning.update import Rates
from golden.machine.decode import DecodedLayer
from golden.spec import formats, latency
from golden.spec.arithmetics import PAIR
from golden.spec.commands import Command
from golden.spec.controller import Operation
from golden.spec.memories import back_record, front_record, tap_record

PARTS = ("forward", "norm", "error", "gradient", "update", "controller")
"""Parts of a step; the controller's are the cycles in which no command runs, the head among them."""
_PART = {
    Command.FORWARD: "forward",
    Command.NORM: "norm",
    Command.ERROR: "error",
    Command.GRADIENT: "gradient",
    Command.UPDATE: "update",
}
_REPORTED = (Command.ERROR, Command.NORM, Command.UPDATE)


@dataclass(frozen=True)
class CommandTime:
    """A command of a step.

    Parameters
    ----------
    start, end: cycles of the run in which its unit starts and is done.
    """

    kind: Command
    number: int
    start: int
    end: int


@dataclass(frozen=True)
class StepTiming:
    """Of a step.

    Parameters
    ----------
    cycles: as the hardware's counter says.  commands: in order.
    instructions: that the controller carries out.
    """

    cycles: int
    commands: tuple[CommandTime, ...]
    instructions: int

    @property
    def parts(self) -> dict[str, int]:
        """Cycles of each of PARTS; together they are those of the step."""
        found = dict.fromkeys(PARTS, 0)
        for it in self.commands:
            found[_PART[it.kind]] += it.end - it.start
        found["controller"] = self.cycles - sum(found.values())
        return found


def step_timing(
    plan: StepPlan,
    state: State,
    images: torch.Tensor,
    labels: torch.Tensor,
    rates: Rates,
    skip: bool = True,
) -> StepTiming:
    """The step after `state`.

    Parameters
    ----------
    images, labels, rates: as `golden.learning.step` takes them.
    skip: rows of zeros are skipped.

    Raises LearningError as `golden.learning.step`.
    """
    device = PlayedDevice(plan, state)
    clock = _Clock(_Passes(plan, state, device, skip), device)
    device.step(images, labels, rates, clock.ends)
    return StepTiming(latency.CONTROLLER_BEGIN + device.cycles, tuple(clock.commands), device.executed)


@dataclass
class _Passes:
    """How long commands take."""

    plan: StepPlan
    state: State
    device: PlayedDevice
    skip: bool

    def cycles(self, number: int) -> tuple[Command, int, tuple[int, ...]]:
        """Kind; cycles from the start of the unit to its end; those in which it reports a number."""
        config = self.plan.config
        kind, fields = command_fields(self.plan, number)
        match kind:
            case Command.NORM:
                timing = norm_timing(
                    config,
                    fields["channels"],
                    fields["words"],
                    bool(fields["backward"]),
                    bool(fields["add"]),
                )
                # Two numbers of a channel, one after the other.
                reports = tuple(found + after for found in timing.found for after in (1, 2))
                return kind, timing.cycles, reports
            case Command.UPDATE:
                return kind, latency.update(PAIR * fields["pairs"] * config.engines), ()
            case _:
                return kind, pass_cycles(config, self._layer(number, fields["entry"]), kind), ()

    def _layer(self, number: int, entry: int) -> Layer:
        plan, config = self.plan, self.plan.config
        part, index = part_of(plan, number)
        it = self.state.layers[index]
        codes, mask = it.codes.numpy().astype(np.int64), it.mask.numpy()
        if part == "error":
            codes, mask = (values.transpose(1, 0, 2, 3) for values in (codes, mask))
        rows = len(codes)
        blocks = stream(codes.reshape(rows, -1), mask.reshape(rows, -1), plan.network.array).blocks
        front = front_record(config).unpack(plan.front[entry])
        first, count = front["tap_address"], front["tiles"] * front["taps"]
        taps = [tap_record(config).unpack(word) for word in plan.taps[first : first + count]]
        lanes = range(config.lanes)
        shape = front["tiles"], front["taps"]
        nothing = np.zeros(0, np.int64)
        decoded = DecodedLayer(
            front=front,
            back=back_record(config).unpack(plan.back[entry]),
            pixel=np.array([tap["pixel"] for tap in taps], np.int64).reshape(shape),
            mask=np.array([[tap["mask"] >> lane & 1 for lane in lanes] for tap in taps], bool).reshape(
                *shape, -1
            ),
            blocks=tuple(tuple(_block(it.code, it.slot, it.advance) for it in round_) for round_ in blocks),
            term_count=1,
            bias=nothing,
            shift=nothing,
            table=None,
        )
        if not self.skip:
            return Layer(decoded, None)
        memory = np.array(self.device.features, np.int8)
        return Layer(decoded, [zero_rows(memory, decoded, 0).tolist()] * front["rounds"])


def _block(
    code: npt.NDArray[np.int64], slot: npt.NDArray[np.int64], advance: npt.NDArray[np.int64]
) -> PairBlock:
    """Without what stands behind END."""
    end = int(np.flatnonzero(code == formats.CODE_END)[0]) + 1
    return PairBlock(code[:end], slot[:end], np.cumsum(advance[:end]))


@dataclass
class _Clock:
    """When the instructions of a run end, whose first one begins in the cycle behind CONTROLLER_BEGIN."""

    passes: _Passes
    device: PlayedDevice
    commands: list[CommandTime] = field(default_factory=list)
    _idle: int = 0
    """The conductor takes an issue from here on."""
    _reports: set[int] = field(default_factory=set)
    """Cycles in which a number is reported."""

    def ends(self, operation: Operation, first: int, last: int, products: int) -> int:
        """As `golden.machine.controller.Ends`."""
        begin = latency.CONTROLLER_BEGIN
        return self._ends(operation, begin + first, begin + last, products) - begin

    def _ends(self, operation: Operation, first: int, last: int, products: int) -> int:
        match operation:
            case Operation.ISSUE:
                last = max(last, self._idle)
                self._issue(last)
            case Operation.WAIT | Operation.STOP:
                last = max(last, self._idle)
            case Operation.STORE:
                last = self._granted(last)
            case Operation.DOT if products:
                # From the cycle behind the start on a product is asked for in each.
                at = first + 2
                for _ in range(products):
                    at = self._granted(at) + 1
                last = at - 1 + latency.DOT_FIRST
            case Operation.FETCH | Operation.WRITE:
                assert first >= self._idle, "a unit may use the feature memory"
        return last

    def _granted(self, cycle: int) -> int:
        """The first cycle from this one on in which nothing is reported."""
        while cycle in self._reports:
            cycle += 1
        return cycle

    def _issue(self, cycle: int) -> None:
        number = self.device.issued[-1]
        kind, cycles, reports = self.passes.cycles(number)
        start = cycle + latency.COMMAND
        end = start + cycles
        self.commands.append(CommandTime(kind, number, start, end))
        self._reports.update(start + report for report in reports)
        self._idle = end + latency.COMMAND_END
        if kind in _REPORTED:
            for _ in range(2):
                at = self._granted(self._idle)
                self._reports.add(at)
                self._idle = at + 1
