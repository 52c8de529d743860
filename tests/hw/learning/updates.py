"""The update of kept codes by the rules of docs/learning.md, section 9, in fractions."""

import math
from dataclasses import dataclass
from fractions import Fraction

from golden.spec import formats
from golden.spec.learning import Lfsr, switched
from golden.spec.memories import COUNTER_BITS

BAR = 1 << COUNTER_BITS - 1


@dataclass
class Entry:
    """What an engine has of an entry. place: engine and entry, None where it stands nowhere else."""

    code: int
    kept: bool = False
    counter: int = 0
    gradient: int = 0
    place: tuple[int, int] | None = None


State = list[list[Entry]]
"""state[engine][entry]"""


@dataclass
class Numbers:
    """Random numbers in order, straight from golden's LFSR."""

    state: Lfsr
    left: int = 0

    def take(self) -> int:
        if self.left == 0:
            self.state, self.left = self.state.step(), 4
        self.left -= 1
        return self.state.last >> 16 * (3 - self.left) & 0xFFFF


@dataclass
class Sums:
    total: int = 0
    kept: int = 0
    moved: int = 0


def update(state: State, command: dict[str, int], numbers: Numbers, sums: Sums) -> Sums:
    """Changes `state` as a command says; the sums after it."""
    if command["clear"]:
        sums = Sums()
    for entries in state:
        for entry in entries[2 * command["pair"] :][: 2 * command["pairs"]]:
            if entry.code == formats.CODE_END:
                numbers.left = 0
            if not entry.kept:
                continue
            real = -Fraction(entry.gradient) * Fraction(2) ** command["shift"]
            fine = max(-2 * BAR << 16, min(2 * BAR << 16, round(real * 65536)))
            move = math.floor(Fraction(fine + numbers.take(), 65536))
            value = formats.decode_coefficient(entry.code)
            new, entry.counter = switched(value, entry.counter, move, COUNTER_BITS)
            entry.code = formats.encode_coefficient(new)
            if entry.place:
                state[entry.place[0]][entry.place[1]].code = entry.code
            sums.total += abs(entry.gradient)
            sums.kept += 1
            sums.moved += new != value
            entry.gradient = 0
    return sums


def twice(state: State, command: dict[str, int]) -> int:
    """Entries of a range that take two cycles: an END, or kept with another place in their own engine."""
    return sum(
        entry.code == formats.CODE_END
        or (entry.kept and entry.place is not None and entry.place[0] == engine)
        for engine, entries in enumerate(state)
        for entry in entries[2 * command["pair"] :][: 2 * command["pairs"]]
    )
