"""Cycles of an engine whose stream holds weights or rows of Ce (docs/machine.md, section 9)."""

from collections import deque
from collections.abc import Sequence

from golden.baselines.decode import WeightBlock
from golden.datapath.protocol import Job, stands_still
from golden.spec import latency


class WeightEngine:
    """Walks through its stream: a weight per cycle.

    Parameters
    ----------
    jobs: of this engine, with blocks of `golden.baselines.decode`; zero rows change nothing.
    """

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._blocks = [job.block for job in jobs if isinstance(job.block, WeightBlock)]
        self._again = [job.again for job in jobs]
        self._job = 0
        self._entry = 0
        self._left = 0
        self._head = self._blocks[0].head if jobs else 0
        self.row = 0
        self.held: deque[int] = deque()
        self.full_at: list[int] = []
        self.released_at: list[int] = []
        self.row_stalls = 0
        self.bank_stalls = 0

    def step(self, cycle: int, written: int) -> None:
        """One cycle in which the engine sees `written` rows."""
        if stands_still(self.held, cycle) or self._job == len(self._blocks):
            return
        block = self._blocks[self._job]
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
        self.full_at.append(cycle + latency.SUMS_SEEN)
        self.row = marker + 1
        self._entry = 0
        self._job += 1
        if self._job < len(self._blocks):
            self._head = 0 if self._again[self._job - 1] else self._blocks[self._job].head
