"""The time of LightNorm over a layer's maps: `hw.learning.norm_passes`, to the cycle.

Readers, core, rounder and writer go cycle by cycle, without values: a turn whose access is refused lasts a
cycle longer, and what then waits for what depends on all of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from golden.cycles.norm_units import Arithmetic, Output, Reader, Sums, Word
from golden.spec import latency
from golden.spec.config import Config
from golden.spec.learning import NORM_FORMAT

LINE = NORM_FORMAT.scale + 1
"""From the end of a channel's arithmetic to the first beat of its second pass."""


@dataclass(frozen=True)
class NormTiming:
    """Of a command.

    Parameters
    ----------
    cycles: from `start` to `done`.
    found: for each channel the cycle behind `start` in which what is found of it leaves; none forward where
        statistics are given.
    used: cycles behind `start` in which the memory is asked for an access.
    """

    cycles: int
    found: tuple[int, ...]
    used: tuple[int, ...]


def _walk(channels: int, words: int, backward: bool, lone: bool) -> Iterator[Word]:
    """In the order of `hw.learning.norm_walk`."""
    ways = ((False,) if lone else (False, True)) if backward else (True,)
    for step in range(channels + 1):
        for second in ways:
            if step < channels if not second else step:
                for number in range(words):
                    yield Word(second, number == words - 1)


class _Passes:
    """A layer, from the cycle behind its start on."""

    def __init__(
        self, config: Config, channels: int, words: int, backward: bool, add: bool, given: bool, lone: bool
    ) -> None:
        beats = config.lanes // config.basis
        self._backward, self._add, self._lone = backward, add, lone
        self._silent = given and not backward
        self._short = not backward and not add and beats <= 2
        self._walk = _walk(channels, words, backward, lone)
        self._next = next(self._walk, None)
        self._reader, self._others = Reader(beats, self._short), Reader(beats, False)
        forward = latency.NORM_GIVEN if given else latency.NORM_FORWARD
        self._sums, self._arithmetic = Sums(), Arithmetic(latency.NORM_BACKWARD if backward else forward)
        self._known = 0 if backward else channels
        """Channels whose statistics wait for the arithmetic."""
        self._line: int | None = None
        """First cycle of a line."""
        self._affine: list[bool | None] = [None, None]
        self._output = Output(beats)
        self._waited, self._pulled = 0, False
        self._turn = 0
        self.left = channels
        self.found: list[int] = []
        self.used: list[int] = []

    @property
    def done(self) -> bool:
        """All is written."""
        return self.left == 0 and self._output.empty

    def step(self, cycle: int, grant: bool) -> None:
        """grant: an access is granted in this cycle."""
        turn, short, output = self._turn, self._short, self._output
        words, others, backward = self._reader, self._others, self._backward
        asks = (turn % 2 == 0 if short else turn == 0) and self._next is not None and words.room
        other = turn == 3 if backward else turn == 2 and self._add
        other = other and others.room
        writes = (turn in (1, 2) if backward else turn % 2 == 1) and output.full
        moves = turn % 2 == 0 if short else turn == 2

        if asks or other or writes:
            self.used.append(cycle)

        # Results.
        ready, result = output.ready, self._affine[1]
        there = others.left > 0 or not self._add
        result_taken = result is not None and ready and there
        advance = result is None or result_taken
        busy = self._affine != [None, None]

        # A beat of a pass.
        takes_sums = self._arithmetic.ready(cycle)
        word = words.word if words.left else None
        both = word is not None and backward and not word.second
        valid = word is not None and (not both or others.left > 0)
        beat: bool | None = None
        if word is not None and valid:
            open_ = self._sums.free(takes_sums)
            if word.second:
                open_ = advance and self._line is not None and cycle >= self._line
            if open_:
                beat = word.last and words.left == 1
        second = word is not None and word.second

        # What the arithmetic has found goes to its reader and becomes a line.
        out = self._arithmetic.out(cycle) and (self._lone or (self._line is None and not busy))
        waits = out and backward and not self._pulled and not self._lone
        pulls = waits and self._waited >= 2
        self._waited = self._waited + 1 if waits else 0
        if pulls and ready:
            self._pulled = True
        elif out and not waits:
            self._arithmetic.leave(cycle)
            self.found += [] if self._silent else [cycle]
            self._pulled, self._line = False, None if self._lone else cycle + LINE
            self.left -= self._lone
        if takes_sums and (self._known or self._sums.out):
            self._arithmetic.take(cycle)
            self._known = max(0, self._known - 1)

        if advance and result:
            self.left -= 1
        if second and beat:
            self._line = None
        if advance:
            self._affine = [beat if second else None, self._affine[0]]
        self._sums.step(not second and bool(beat), takes_sums)
        output.step(pulls or (result is not None and there), pulls, writes and grant)
        words.step(self._next if asks and grant else None, moves, beat is not None)
        nothing = Word(False, False)
        other_taken = result_taken if self._add else both and beat is not None
        others.step(nothing if other and grant else None, True, other_taken)
        if asks and grant:
            self._next = next(self._walk, None)
        if grant or not (asks or other or writes):
            self._turn = (turn + 1) % 4


@lru_cache(maxsize=1024)
def norm_timing(
    config: Config,
    channels: int,
    words: int,
    backward: bool,
    add: bool = False,
    refused: frozenset[int] = frozenset(),
    given: bool = False,
    lone: bool = False,
) -> NormTiming:
    """With a reader of what is found that never makes it wait.

    Parameters
    ----------
    config: lanes and basis count, and what a channel may have at most.
    channels, words, backward, add, lone: as in the command.
    refused: cycles behind the start in which the memory grants no access.
    given: mean and scale are; the command has no 1/n.
    """
    it = _Passes(config, channels, words, backward, add, given, lone)
    cycle = 1
    while not it.done:
        it.step(cycle, cycle not in refused)
        cycle += 1
    # The readers still ask in the cycle of `done`.
    it.step(cycle, False)
    return NormTiming(cycle, tuple(it.found), tuple(it.used))


def norm_cycles(
    config: Config,
    channels: int,
    words: int,
    backward: bool,
    add: bool = False,
    given: bool = False,
    lone: bool = False,
) -> int:
    """`norm_timing`'s cycles where every access is granted."""
    return norm_timing(config, channels, words, backward, add, given=given, lone=lone).cycles
