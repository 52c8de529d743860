"""Cycles of an engine whose stream holds weights or rows of Ce (docs/machine.md, section 9)."""

from collections import deque

from golden.weight_streams import WeightBlock


def stands_still(held: deque[int], cycle: int) -> bool:
    """The drain reads a sum in place of the step of this cycle; `held` are such cycles, in order."""
    while held and held[0] < cycle:
        held.popleft()
    return bool(held) and held[0] == cycle


class WeightEngine:
    """Walks through its stream: a weight per cycle.

    Parameters
    ----------
    jobs: block of each job, and whether the job before it had the same one.
    full: cycles from a job's END until the drain sees its sums.

    `row` is the oldest row that the engine may still read; `full_at` and `released_at` are cycles in
    which the sums of each job stand, and are drained (written by the drain).
    """

    def __init__(self, jobs: list[tuple[WeightBlock, bool]], full: int) -> None:
        self._jobs = jobs
        self._full = full
        self._job = 0
        self._entry = 0
        self._left = 0
        self._head = jobs[0][0].head if jobs else 0
        self.row = 0
        self.held: deque[int] = deque()
        self.full_at: list[int] = []
        self.released_at: list[int] = []
        self.row_stalls = 0
        self.bank_stalls = 0

    def step(self, cycle: int, written: int) -> None:
        """One cycle in which the engine sees `written` rows."""
        if stands_still(self.held, cycle) or self._job == len(self._jobs):
            return
        block, _ = self._jobs[self._job]
        if not self._left:
            row = self.row + (0 if self._head else block.advance[self._entry])
            if row >= written:
                self.row_stalls += 1
                return
            if self._head:
                self._head -= 1
                return
            if self._entry == len(block.cost):
                self._end(cycle, row)
                return
            self.row = row
            self._left = block.cost[self._entry]
        self._left -= 1
        if not self._left:
            self.row += block.release
            self._entry += 1

    def _end(self, cycle: int, marker: int) -> None:
        """The job ends if the other bank, which held the job before it, has been drained."""
        job = self._job
        if job and (len(self.released_at) < job or self.released_at[job - 1] > cycle):
            self.bank_stalls += 1
            return
        self.full_at.append(cycle + self._full)
        self.row = marker + 1
        self._entry = 0
        self._job += 1
        if self._job < len(self._jobs):
            block, again = self._jobs[self._job]
            self._head = 0 if again else block.head
