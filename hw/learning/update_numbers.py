"""Random numbers of an update, four of a word."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.learning import LFSR_WORD, UPDATE_RANDOM_BITS
from hw.parts.lfsr import HALF_WORD, Lfsr


class UpdateNumbers(wiring.Component):
    """The LFSR's words in numbers of UPDATE_RANDOM_BITS bits, the lowest first.

    The LFSR moves by two numbers, half a word, at a time.

    Golden: `golden.learning.random`.  Throughput: one number per cycle; the cycle after `fresh` has none.

    Members
    -------
    load, word: In, as in `Lfsr`.
    number: Out, the next one.  take: In, it is taken.
    fresh: In, the next number is the first one of a word: what is left of one that was begun is dropped.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "load": In(1),
                "word": In(HALF_WORD),
                "number": Out(UPDATE_RANDOM_BITS),
                "take": In(1),
                "fresh": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.lfsr = lfsr = Lfsr(HALF_WORD)
        place, again = Signal(range(LFSR_WORD // UPDATE_RANDOM_BITS)), Signal()
        m.d.comb += [
            lfsr.load.eq(self.load),
            lfsr.word.eq(self.word),
            self.number.eq(lfsr.bits.word_select(place[0], UPDATE_RANDOM_BITS)),
            lfsr.step.eq((self.take & place[0]) | (self.fresh & (place != 0)) | again),
        ]
        # Of a word of which one number is gone, both halves are dropped.
        m.d.sync += again.eq(self.fresh & (place == 1))
        with m.If(self.load | self.fresh):
            m.d.sync += place.eq(0)
        with m.Elif(self.take):
            m.d.sync += place.eq(place + 1)
        return m
