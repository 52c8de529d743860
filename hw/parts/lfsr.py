"""Random bits: the LFSR of the device."""

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.learning import LFSR_BITS, LFSR_WORD

HALF_WORD = LFSR_WORD // 2
"""A step of generators of single numbers: with more bits they would be none the faster."""
STATE_BITS = 2 * LFSR_WORD
"""What is loaded: two words, of which the lowest bit does not count."""


def seed_bits(bits: int) -> int:
    """Width of the parts in which an LFSR whose steps have so many bits is loaded."""
    return min(bits, STATE_BITS)


class Lfsr(wiring.Component):
    """The sequence s[t] = s[t − 64] ⊕ s[t − 127], some bits at a time, which stand before they are taken.

    A state that moves by as many bits as are taken, or loaded, is a shift register, with gates for the fresh
    bits alone.

    Golden: `golden.spec.learning.Lfsr`.  Latency: `bits` stand from the second cycle after the last `load`,
    the first after a `step` on.  Throughput: a step per cycle.

    Parameters
    ----------
    bits: of a step; a power of two.

    Members
    -------
    load, word: In, a part of the state: the two words before the first one to come, the first one lowest, in
    parts of `seed_bits`, the lowest first, without a break; not zero in all 127 bits that count.
    step: In, `bits` are taken; neither while parts are loaded nor in the next cycle.
    bits: Out, the next ones, the first one lowest. Nothing before the first load.
    """

    def __init__(self, bits: int) -> None:
        self._bits = bits
        super().__init__(
            {
                "load": In(1),
                "word": In(seed_bits(bits)),
                "step": In(1),
                "bits": Out(bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # What was taken last stands in it, and above it the bits that are next.
        state = Signal(max(LFSR_BITS, self._bits))
        loaded = Signal()
        bits: list[Value] = list(state[len(state) - LFSR_BITS :])
        for number in range(self._bits):
            fresh = Signal(name=f"fresh{number}")
            m.d.comb += fresh.eq(bits[LFSR_BITS - LFSR_WORD + number] ^ bits[number])
            bits.append(fresh)
        m.d.comb += self.bits.eq(state[len(state) - self._bits :])
        m.d.sync += loaded.eq(self.load)
        with m.If(self.load):
            m.d.sync += state.eq(Cat(state, self.word)[-len(state) :])
        with m.Elif(self.step | loaded):
            m.d.sync += state.eq(Cat(bits)[-len(state) :])
        return m
