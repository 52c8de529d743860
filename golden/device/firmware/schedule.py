"""What the controller computes while a command runs: its work stands between the commands."""

from collections.abc import Callable
from dataclasses import dataclass, field

from golden.device.assembly import ZERO, Assembly, Register


@dataclass(frozen=True)
class Work:
    """Something to be computed.

    Parameters
    ----------
    write: writes its instructions.  cycles: that it takes, about.
    """

    write: Callable[[], None]
    cycles: int


@dataclass
class Schedule:
    """Commands and work in one program.

    Work is done in the order in which it could begin, so that random numbers come in order; it stands behind
    the command that it is thought to run beside.

    Parameters
    ----------
    ahead: cycles of all commands that are still to come, about.
    """

    it: Assembly
    ahead: int
    _ready: list[Work] = field(default_factory=list)
    _then: tuple[Work, ...] = ()
    _room: int = 0

    def issue(
        self,
        command: int,
        cycles: int,
        shift: Register = ZERO,
        addend_shift: Register = ZERO,
        then: tuple[Work, ...] = (),
        beside: bool = False,
    ) -> None:
        """Command `command`, which takes about `cycles`.

        Parameters
        ----------
        then: what can be done once it has ended.
        beside: it begins while the one before runs, whose unit is another.
        """
        self.it.issue(command, shift, addend_shift, beside)
        self.ahead -= cycles
        if beside:
            self._then += then
            self._room = max(self._room, cycles)
            return
        self._ready += self._then
        self._then = then
        self._room = cycles

    def work(self) -> None:
        """Work beside the command that was issued last, as much as its time holds, the last piece at least by
        half: what holds a command up longer waits for another, unless there is more than all of them hold.
        Registers are anything behind it."""
        much = sum(it.cycles for it in self._ready) > self.ahead
        while self._ready and self._room > (0 if much else self._ready[0].cycles // 2):
            work = self._ready.pop(0)
            work.write()
            self._room -= work.cycles

    def now(self, work: Work) -> None:
        """Beside the command that was issued last, before all else; it draws nothing."""
        work.write()
        self._room -= work.cycles

    def add(self, *works: Work) -> None:
        """What can be done now."""
        self._ready += works

    def demand(self, work: Work) -> None:
        """It is done by now, or here."""
        if work in self._ready:
            self._ready.remove(work)
            work.write()

    def wait(self) -> None:
        """Until all commands have ended."""
        self.it.wait()
        self._ready += self._then
        self._then = ()

    def finish(self) -> None:
        """Likewise, and all work is done."""
        self.wait()
        for work in self._ready:
            work.write()
        self._ready = []
