"""Random numbers of an update, four of a word."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.learning import LFSR_WORD, UPDATE_RANDOM_BITS
from hw.parts.lfsr import Lfsr


class UpdateNumbers(wiring.Component):
    """The LFSR's words in numbers of UPDATE_RANDOM_BITS bits, the lowest first.

    Golden: `golden.learning.random`.  Throughput: one number per cycle.

    Members
    -------
    load, before, last: In, as in `Lfsr`.
    number: Out, the next one.  take: In, it is taken.
    fresh: In, the next number is the first one of a word: what is left of one that was begun is dropped.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "load": In(1),
                "before": In(LFSR_WORD),
                "last": In(LFSR_WORD),
                "number": Out(UPDATE_RANDOM_BITS),
                "take": In(1),
                "fresh": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.lfsr = lfsr = Lfsr(1)
        share = LFSR_WORD // UPDATE_RANDOM_BITS
        place = Signal(range(share))
        m.d.comb += [
            lfsr.load.eq(self.load),
            lfsr.before.eq(self.before),
            lfsr.last.eq(self.last),
            self.number.eq(lfsr.bits.word_select(place, UPDATE_RANDOM_BITS)),
            lfsr.step.eq((self.take & (place == share - 1)) | (self.fresh & (place != 0))),
        ]
        with m.If(self.load | self.fresh):
            m.d.sync += place.eq(0)
        with m.Elif(self.take):
            m.d.sync += place.eq(place + 1)
        return m
