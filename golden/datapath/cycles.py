"""Cycles of an engine with a coefficient stream (docs/machine.md, section 8)."""

from collections import deque
from collections.abc import Sequence

import numpy as np

from golden.datapath.decode import PairBlock
from golden.datapath.protocol import Block, Job, stands_still
from golden.spec import formats, latency

_DEAD, _LIVE, _END = 0, 1, 2
"""Kinds of entries: nothing to add, something, the end of a block."""


def _advances(block: Block) -> tuple[list[int], list[int]]:
    """Rows that each entry of a block advances, and its kind."""
    assert isinstance(block, PairBlock)
    code = block.code
    kind = np.where(code == formats.CODE_END, _END, np.where(code == formats.CODE_ZERO, _DEAD, _LIVE))
    return np.diff(block.row, prepend=0).tolist(), kind.tolist()


class PairEngine:
    """Walks through its stream: one live entry per cycle, dead ones beside it for nothing.

    A pair is checked, and is in hand from the next cycle on, when its rows are there and the one before it
    leaves.
    """

    def __init__(self, jobs: Sequence[Job]) -> None:
        # A block is one object for all jobs that take it.
        kinds: dict[int, tuple[list[int], list[int]]] = {}
        for job in jobs:
            if id(job.block) not in kinds:
                kinds[id(job.block)] = _advances(job.block)
        self._jobs = [(*kinds[id(job.block)], job.zero, job.again) for job in jobs]
        # Of the pair that is checked next.
        self._job = 0
        self._entry = 0
        self._first_row = 0
        self._upcoming = 0
        self._free = 0
        # Of the pair in hand: cycles that it still takes, whether END is the last one, its last row.
        self._left = 0
        self._ends = False
        self._last_row = 0
        self.row = 0
        self.held: deque[int] = deque()
        self.full_at: list[int] = []
        self.released_at: list[int] = []
        self.row_stalls = 0
        self.bank_stalls = 0

    def step(self, cycle: int, written: int) -> None:
        still = self._still(cycle)
        if self._left:
            if still or (self._left == 1 and self._ends and not self._end(cycle)):
                return
            self._left -= 1
            self.row = self._last_row
            if self._left:
                return
        if cycle >= self._free and self._job < len(self._jobs):
            self._check(cycle, written)

    def _still(self, cycle: int) -> bool:
        """No entry is handled in this cycle."""
        return stands_still(self.held, cycle)

    def _check(self, cycle: int, written: int) -> None:
        """Takes the next pair in hand if its rows are there."""
        advance, kinds, zero, again = self._jobs[self._job]
        row = self._upcoming
        rows, costs = [], []
        for entry in range(self._entry, min(self._entry + 2, len(kinds))):
            row += advance[entry]
            kind = kinds[entry]
            rows.append(row)
            costs.append(kind == _END or (kind == _LIVE and not (zero and zero[row - self._first_row])))
        if row >= written:
            self.row_stalls += 1
            return
        # Rows before the first entry that takes a cycle are given up.
        self.row = rows[0] if costs[0] else row
        self._last_row = row
        self._entry += 2
        self._ends = self._entry >= len(kinds)
        self._left = max(1, sum(costs))
        self._upcoming = row + self._ends
        if self._ends:
            self._job += 1
            self._entry = 0
            self._first_row = self._upcoming
            if again:
                self._free = cycle + latency.STREAM_AGAIN

    def _end(self, cycle: int) -> bool:
        """The job ends if the other bank, which held the job before it, has been drained."""
        job = len(self.full_at)
        if job and (len(self.released_at) < job or self.released_at[job - 1] > cycle):
            self.bank_stalls += 1
            return False
        self.full_at.append(cycle + latency.SUMS_SEEN)
        return True
