"""The units of LightNorm's passes, cycle by cycle, without values."""

from collections import deque
from dataclasses import dataclass

from golden.spec.latency import MAP_ROUND, PARAMETERS


@dataclass(frozen=True)
class Word:
    """A word of a pass. second: it goes through the line of its channel, else to the sums.  last: it ends the
    channel's pass.
    """

    second: bool
    last: bool


class Reader:
    """`hw.learning.word_reader`."""

    def __init__(self, beats: int, deep: bool) -> None:
        self._beats, self._deep = beats, deep
        self._fresh: Word | None = None
        self._waiting: deque[Word] = deque()
        self.word: Word | None = None
        self.left = 0

    @property
    def room(self) -> bool:
        """A word may be asked for."""
        return len(self._waiting) < (2 if self._deep else 1)

    def step(self, asked: Word | None, moves: bool, taken: bool) -> None:
        """asked: a word that is granted.  taken: a beat leaves."""
        if self._waiting and moves and (self.left == 0 or (self.left == 1 and taken)):
            self.word, self.left = self._waiting.popleft(), self._beats
        elif taken:
            self.left -= 1
        if self._fresh:
            self._waiting.append(self._fresh)
        self._fresh = asked


class Sums:
    """`hw.lightnorm.sums`: two stages, then what stands until the arithmetic takes it."""

    def __init__(self) -> None:
        self._ends = [False, False]
        self.out = False

    def step(self, ends: bool, ready: bool) -> None:
        """ends: a beat that ends its channel.  ready: the arithmetic takes what stands."""
        if self.free(ready):
            self.out = self._ends[1]
            self._ends = [ends, self._ends[0]]

    def free(self, ready: bool) -> bool:
        """A beat is taken."""
        return not self.out or ready


class Arithmetic:
    """A channel's numbers, of one direction: since when they stand.

    Parameters
    ----------
    cycles: that it takes for a channel.
    """

    def __init__(self, cycles: int) -> None:
        self._latency = cycles
        self._ends: int | None = None
        self._known_at = PARAMETERS

    def ready(self, cycle: int) -> bool:
        """It takes sums."""
        return self._ends is None and cycle >= self._known_at

    def take(self, cycle: int) -> None:
        """Sums."""
        self._ends = cycle + self._latency

    def out(self, cycle: int) -> bool:
        """Numbers stand."""
        return self._ends is not None and cycle >= self._ends

    def leave(self, cycle: int) -> None:
        """They are taken; the next channel's parameters are known a cycle later."""
        self._ends, self._known_at = None, cycle + 2


class Output:
    """`hw.learning.map_rounder` and `hw.learning.word_writer`."""

    def __init__(self, beats: int) -> None:
        self._beats = beats
        self._stages: deque[bool] = deque([False] * MAP_ROUND, maxlen=MAP_ROUND)
        self._place = 0
        self.full = False

    @property
    def hold(self) -> bool:
        """A word is whole, and the one before it waits: all stands still."""
        return self._stages[-1] and self._place == self._beats - 1 and self.full

    @property
    def ready(self) -> bool:
        """The rounder takes a beat."""
        return not self.hold

    @property
    def empty(self) -> bool:
        """Nothing is on its way."""
        return not (any(self._stages) or self.full)

    def step(self, valid: bool, pull: bool, written: bool) -> None:
        """valid: a beat is there, or a pull.  written: the word that waits leaves."""
        hold, leaves = self.hold, self._stages[-1]
        if written:
            self.full = False
        if hold:
            return
        if leaves:
            self._place += 1
            if self._place == self._beats:
                self._place, self.full = 0, True
        self._stages.appendleft(valid and not pull)
