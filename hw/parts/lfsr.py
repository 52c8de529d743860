"""Random bits: the LFSR of the device."""

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.learning import LFSR_WORD


class Lfsr(wiring.Component):
    """Whole words of the sequence s[t] = s[t − 64] ⊕ s[t − 127]; the next ones stand before they are taken.

    Golden: `golden.spec.learning.Lfsr`.  Latency: `bits` stand from the cycle after `load` or `step` on.
    Throughput: `words` words per cycle.

    Parameters
    ----------
    words: words of 64 bits that a step takes, 1 or more.

    Members
    -------
    load: In, the state becomes `before` and `last`, the two words before the first one to come; not zero in
    all 127 bits that count.  step: In, `bits` are taken.
    bits: Out, the next `words` words, the first one lowest. Nothing before the first load.
    """

    def __init__(self, words: int) -> None:
        self._words = words
        super().__init__(
            {
                "load": In(1),
                "before": In(LFSR_WORD),
                "last": In(LFSR_WORD),
                "step": In(1),
                "bits": Out(words * LFSR_WORD),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        before, last = Signal(LFSR_WORD), Signal(LFSR_WORD)
        words: list[Value] = [before, last]
        for number in range(self._words):
            word = Signal(LFSR_WORD, name=f"word{number}")
            m.d.comb += word.eq(words[-1] ^ Cat(words[-2][1:], words[-1][0]))
            words.append(word)
        m.d.comb += self.bits.eq(Cat(words[2:]))
        with m.If(self.load):
            m.d.sync += [before.eq(self.before), last.eq(self.last)]
        with m.Elif(self.step):
            m.d.sync += [before.eq(words[-2]), last.eq(words[-1])]
        return m
