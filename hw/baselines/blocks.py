"""The way of a baseline's stream through its blocks of words, and through the rows that they are for."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring

from golden.spec.config import Config
from golden.spec.memories import Memory, log2
from hw.interfaces import row_bits
from hw.parts.memory import LoadedMemory


class Blocks:
    """Registers and wires of a component of `stream_signature`; what a word means is the stream's own.

    Parameters
    ----------
    m: body of the stream.  stream: itself.  engine: its number.  word: layout of a word.

    Members
    -------
    data: the word in hand.  address: where it lies.  following: that of the next cycle; it stays unless set.
    base: where the block begins behind its head.  head: the word in hand is a head.  bank: of the sums.
    row: the row that the word in hand is for, to be driven.
    goes: the row is there, and nothing else holds the stream up.
    marked, again: the row is a job's end; the job's block is read once more.
    may_end: the other bank has been drained.
    """

    def __init__(self, m: Module, stream: Any, config: Config, engine: int, word: data.Layout) -> None:
        self._stream = stream
        m.submodules.words = words = LoadedMemory(config, Memory.COEFFICIENT + engine, word)
        wiring.connect(m, wiring.flipped(stream.load), words.load)
        self.data = words.data
        self.address = Signal(log2(config.coefficient_words))
        self.following = Signal.like(self.address)
        self.base = Signal.like(self.address)
        self.valid, self.head, self.bank = Signal(), Signal(), Signal()
        self.row = Signal(row_bits(config))
        distance = Signal(row_bits(config))
        ahead, steps = stream.ahead, stream.steps
        m.d.sync += self.address.eq(self.following)
        m.d.comb += [
            self.following.eq(self.address),
            words.address.eq(self.following),
            distance.eq(ahead.written - self.row),
            ahead.look[0].eq(self.row),
            steps.step.bank.eq(self.bank),
            steps.step.place.eq(self.row),
            steps.end_bank.eq(self.bank),
        ]
        here = (distance != 0) & (distance <= config.window)
        self.goes = self.valid & here & ~stream.bad & ~steps.hold
        self.marked, self.again = ahead.flags[0].marker, ahead.flags[0].rewind
        self.may_end = steps.may_end

    def end(self, m: Module) -> None:
        """The job ends: its marker is left behind, and the sums change banks."""
        m.d.comb += self._stream.steps.end.eq(1)
        m.d.sync += [self._stream.row.eq(self.row + 1), self.bank.eq(~self.bank)]

    def begin_at_start(self, m: Module, *cleared: Signal) -> None:
        """With `start` the first block's head is read; `cleared` are the stream's own registers."""
        with m.If(self._stream.start):
            m.d.comb += self.following.eq(0)
            m.d.sync += [
                self.valid.eq(1),
                self.head.eq(1),
                *(register.eq(0) for register in (*cleared, self.bank, self._stream.row, self._stream.bad)),
            ]
