"""The time of a step on a device, to the cycle: the controller's program, and the time of each command.

Golden makes the step. What the controller does depends on its numbers, and an array's pass on its codes and
on which rows are zero; all other commands take what their fields say.
"""

from dataclasses import dataclass, field
from itertools import product

import torch

from golden.cycles.norm import norm_timing
from golden.device.pass_times import Passes
from golden.device.plan import StepPlan
from golden.device.played import PlayedDevice, command_fields
from golden.learning.state import State
from golden.learning.update import Rates
from golden.spec import latency
from golden.spec.commands import Command
from golden.spec.controller import Operation

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
    instructions: that the controller carries out, elements of walks and copied words among them.
    """

    cycles: int
    commands: tuple[CommandTime, ...]
    instructions: int

    @property
    def parts(self) -> dict[str, int]:
        """Cycles of each of PARTS; together they are those of the step. Where a norm and a pass run beside
        each other, they are the pass's.
        """
        found = dict.fromkeys(PARTS, 0)
        for it in self.commands:
            found[_PART[it.kind]] += it.end - it.start
        norms = [it for it in self.commands if it.kind == Command.NORM]
        for one, other in product(norms, (it for it in self.commands if it.kind != Command.NORM)):
            found["norm"] -= max(0, min(one.end, other.end) - max(one.start, other.start))
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
    clock = _Clock(Passes(plan, state, device, skip), device)
    device.step(images, labels, rates, clock.ends)
    return StepTiming(latency.CONTROLLER_BEGIN + device.cycles, tuple(clock.commands), device.executed)


@dataclass
class _Norm:
    """The norm under way, or the last one.

    Parameters
    ----------
    place: among the commands.  refused: cycles of the run in which the memory grants it no access.
    reports: cycles in which it reports.  used: in which it asks for the memory.
    """

    place: int
    fields: dict[str, int]
    refused: set[int]
    reports: set[int] = field(default_factory=set)
    used: set[int] = field(default_factory=set)


@dataclass
class _Clock:
    """When the instructions of a run end, whose first one begins in the cycle behind CONTROLLER_BEGIN.

    Passes beside a norm go before it at the memory, so they take their time, and the norm, which began before
    them or begins beside them, takes longer.
    """

    passes: Passes
    device: PlayedDevice
    commands: list[CommandTime] = field(default_factory=list)
    _taken: int = 0
    """The conductor has no command in hand from here on."""
    _free: list[int] = field(default_factory=lambda: [0, 0])
    """Likewise the slots of the array and of the norm."""
    _reports: set[int] = field(default_factory=set)
    """Cycles in which a number is reported."""
    _norm: _Norm | None = None
    _used: set[int] = field(default_factory=set)
    """Cycles in which the last command of the array uses the port of the feature memory."""

    @property
    def _idle(self) -> int:
        """The conductor is quiet from here on, as far as known."""
        return max(self._taken, *self._free)

    def ends(self, operation: Operation, first: int, last: int, count: int, words: int) -> int:
        """As `golden.machine.controller.Ends`."""
        begin = latency.CONTROLLER_BEGIN
        return self._ends(operation, begin + first, begin + last, count, words) - begin

    def _ends(self, operation: Operation, first: int, last: int, count: int, words: int) -> int:
        match operation:
            case Operation.ISSUE:
                last = max(last, self._idle)
                self._issue(last)
            case Operation.BESIDE:
                last = max(last, self._taken)
                self._issue(last)
            case Operation.WAIT | Operation.STOP:
                last = max(last, self._idle)
            case Operation.STORE:
                last = self._granted(last)
            case Operation.LOGITS | Operation.EXPONENTIALS | Operation.SHARES | Operation.TERMS:
                assert first >= self._idle, "a number may be reported"
            case Operation.DOT | Operation.COPY if count:
                # From the cycle behind the start on a product is asked for in each.
                at = first + 2
                for _ in range(count):
                    at = self._granted(at) + 1
                if operation == Operation.COPY:
                    # The last word, as all before, is written a cycle after it was read.
                    at = self._granted(at)
                last = at - 1 + latency.DOT_FIRST
            case Operation.POOL if count:
                last = self._pooled(first, count, words)
            case Operation.FETCH | Operation.WRITE | Operation.ERRORS | Operation.ERRORS_RELU:
                assert first >= self._idle, "a unit may use the feature memory"
        return last

    def _pooled(self, first: int, elements: int, words: int) -> int:
        """The last cycle of POOL: units go before it at the memory, their reports before what it stores."""
        turn = first + latency.WALK_BEGIN
        for number in range(elements + 3):
            following = turn + 1
            if number < elements:
                for _ in range(words):
                    following = self._free_port(following) + latency.WALK_WORD
            if 0 < number <= elements:
                following = max(following, turn + latency.WALK_SHIFT)
            if 1 < number <= elements + 1:
                following = max(following, turn + latency.WALK_CUT)
            if number > 2:
                following = max(following, self._granted(turn + 1))
            turn = following
        return turn + 1

    def _free_port(self, cycle: int) -> int:
        """The first cycle from this one on in which no unit uses the feature memory."""
        while cycle in self._used or (self._norm and cycle in self._norm.used):
            cycle += 1
        return cycle

    def _granted(self, cycle: int) -> int:
        """The first cycle from this one on in which nothing is reported."""
        while cycle in self._reports:
            cycle += 1
        return cycle

    def _issue(self, cycle: int) -> None:
        number = self.device.issued[-1]
        kind, fields = command_fields(self.passes.plan, number)
        slot = int(kind == Command.NORM)
        start = max(cycle + latency.COMMAND, self._free[slot] + 1)
        self._taken = start
        if kind == Command.NORM:
            self.commands.append(CommandTime(kind, number, start, start))
            self._norm = _Norm(len(self.commands) - 1, fields, self._used)
            self._run_norm(self._norm)
            return
        timing = self.passes.timing(kind, fields, number)
        end = start + timing.cycles
        self.commands.append(CommandTime(kind, number, start, end))
        # Cycle 0 of the array's units is the one behind its start.
        self._used = {start + 1 + at for at in timing.used}
        self._free[0] = self._reported(kind, end, self._reports)
        if self._norm and start < self._free[1]:
            self._norm.refused = self._norm.refused | self._used
            self._run_norm(self._norm)

    def _run_norm(self, it: _Norm) -> None:
        """From its start on, also again: what has happened so far does not change."""
        start, number, fields = self.commands[it.place].start, self.commands[it.place].number, it.fields
        timing = norm_timing(
            self.passes.plan.config,
            fields["channels"],
            fields["words"] * fields["runs"],
            bool(fields["backward"]),
            bool(fields["add"]),
            frozenset(at - start for at in it.refused if at > start),
            fields["inverse_mantissa"] == 0,
            bool(fields["lone"]),
        )
        # Two numbers of a channel, one after the other; they go before others.
        self._reports -= it.reports
        it.reports = {start + found + after for found in timing.found for after in (1, 2)}
        it.used = {start + at for at in timing.used}
        end = start + timing.cycles
        self._free[1] = self._reported(Command.NORM, end, it.reports)
        self._reports |= it.reports
        self.commands[it.place] = CommandTime(Command.NORM, number, start, end)

    def _reported(self, kind: Command, end: int, reports: set[int]) -> int:
        """The first cycle in which the slot of a command is free; its reports are added to `reports`."""
        free = end + latency.COMMAND_END
        if kind in _REPORTED:
            for _ in range(2):
                while free in reports:
                    free += 1
                reports.add(free)
                free += 1
        return free
