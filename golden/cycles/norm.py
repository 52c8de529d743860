"""The time of LightNorm over a layer's maps: `hw.learning.norm_passes`, to the cycle."""

from dataclasses import dataclass

from golden.spec.config import Config
from golden.spec.latency import MAP_ROUND, NORM_BACKWARD, NORM_FORWARD
from golden.spec.learning import NORM_FORMAT

ROUND_TURNS = 4
"""Cycles in which each reader and the writer have their turn; counted from the cycle after the start."""
_BEGIN = 2
"""No word moves before the cycle behind this one."""
_MOVES = {False: (3,), True: (1, 3)}
"""Are turns short? A word's beats begin in the cycle after one with such a rest modulo ROUND_TURNS."""
_WRITES = {False: (2, 3), True: (0, 2)}
"""Likewise: rests of the cycles that may write."""
_HOLD = 2
"""From the write of a word to the first cycle in which the next one, which waited for it, may leave."""

SUMS = 3
"""From the last beat of STAT or REDUCE until the arithmetic can take its sums."""
LINE = NORM_FORMAT.scale + 1
"""From the end of a channel's arithmetic to the first beat of its second pass."""
AFFINE = 2
"""From a beat of a second pass to its result."""
PULL = 3
"""What REDUCE's arithmetic waits at its end, when there is a place for its line: its spike becomes a pull."""


def _following(cycle: int, rests: tuple[int, ...]) -> int:
    """The first cycle from `cycle` on with one of these rests."""
    return next(it for it in range(cycle, cycle + ROUND_TURNS) if it % ROUND_TURNS in rests)


class _Layer:
    """The passes of a layer, one after the other; all times are cycles from the start."""

    def __init__(self, config: Config, words: int, backward: bool, add: bool) -> None:
        self._beats, self._words, self._add = config.lanes // config.basis, words, add
        short = not backward and not add and self._beats <= ROUND_TURNS // 2
        self._moves, self._writes = _MOVES[short], _WRITES[short]
        self.end = _BEGIN
        """Of the last beat of the passes so far."""
        self.result = 0
        """The result of that beat has been taken, or before."""
        self.written = -_HOLD
        """The last word of results leaves."""

    def sums(self, closed: tuple[int, int] = (0, 0)) -> None:
        """STAT or REDUCE; the sums take no beats in the cycles from closed[0] to before closed[1]."""
        for _ in range(self._words):
            beat = _following(self.end, self._moves)
            for _ in range(self._beats):
                beat += 1
                if closed[0] <= beat < closed[1]:
                    beat = closed[1]
            self.end = beat

    def second(self, line: int, drop: bool = False) -> None:
        """APPLY or GRAD, from `line` on; with a map that is added a result stays for a cycle.

        Then the pipeline of two places stands still.  drop: a word of APPLY of which nothing comes.
        """
        # When the two results before this one stayed.
        stays = (-1, -1)
        for _ in range(1 if drop else self._words):
            beat = max(_following(self.end, self._moves), line - 1)
            for _ in range(self._beats):
                beat += 1
                while beat in stays:
                    beat += 1
                there = beat + AFFINE + (beat + 1 in stays)
                stays = (stays[1], there if self._add else -1)
                self.result = there + self._add
            self.end = beat
            if not drop:
                whole = max(self.result + MAP_ROUND + 1, self.written + _HOLD)
                self.written = _following(whole, self._writes)

    def free(self) -> int:
        """When the next line has a place."""
        return self.result + 1


@dataclass(frozen=True)
class NormTiming:
    """Of a command.

    Parameters
    ----------
    cycles: from `start` to `done`.
    found: for each channel the cycle behind `start` in which what is found of it leaves.
    """

    cycles: int
    found: tuple[int, ...]


def norm_cycles(config: Config, channels: int, words: int, backward: bool, add: bool = False) -> int:
    """`norm_timing`'s cycles."""
    return norm_timing(config, channels, words, backward, add).cycles


def norm_timing(config: Config, channels: int, words: int, backward: bool, add: bool = False) -> NormTiming:
    """Cycles from `start` to `done` with a memory that grants every access and a reader of what is found.

    Parameters
    ----------
    config: lanes and basis count, and what a channel may have at most.
    channels, words, backward, add: as in the command.
    """
    layer = _Layer(config, words, backward, add)
    # Of STAT and REDUCE: its sums are taken, its arithmetic has ended. The parameters are there in cycle 2.
    taken = ended = counted = 0
    idle, free = 2, 0
    found: list[int] = []
    for step in range(channels + 1):
        if step < channels:
            layer.sums((counted + SUMS, taken))
            counted = layer.end
        if step and backward:
            layer.second(ended + LINE, drop=True)
            ended = max(taken + NORM_BACKWARD, layer.free()) + PULL
            idle = ended + 2
            found.append(ended)
        if step:
            layer.second(ended + LINE)
            free = layer.free()
        if step < channels:
            taken = max(counted + SUMS, idle)
            ended = max(taken + NORM_FORWARD, free)
            idle = ended + 2
            if not backward:
                found.append(ended)
        if step < channels and backward:
            layer.sums()
            counted = layer.end
            taken = max(counted + SUMS, ended + 1)
    return NormTiming(layer.written + 1, tuple(found))
