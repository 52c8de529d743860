"""The one rounding component: divide by a power of two, ties to even, and saturate."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

LATENCY = 2


class RoundShift(wiring.Component):
    """o = saturate(round(i / 2**shift)), ties to even.

    Golden: `golden.spec.formats.round_shift` and `saturate`.  Latency: `LATENCY` cycles.
    Throughput: one value per cycle.

    Parameters
    ----------
    bits: width of the signed input.  shift_bits: width of the shift; values up to bits − 1 make
        sense, larger ones give 0 (or −0).  out_bits: width of the signed output.
    """

    def __init__(self, bits: int, shift_bits: int, out_bits: int = 8) -> None:
        self._bits = bits
        self._shift_bits = shift_bits
        self._out_bits = out_bits
        super().__init__({"i": In(signed(bits)), "shift": In(shift_bits), "o": Out(signed(out_bits))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits, out = self._bits, self._out_bits
        reach = 1 << self._shift_bits
        # Half of the last place as a bit, and all bits below it.
        half = Signal(reach)
        below = Signal(reach)
        extended = Signal(signed(max(bits, reach)))
        m.d.comb += extended.eq(self.i)
        for bit in range(reach):
            m.d.comb += half[bit].eq(self.shift == bit + 1)
            m.d.comb += below[bit].eq(self.shift > bit + 1)
        floor = Signal(signed(bits))
        up = Signal()
        guard = (extended.as_unsigned()[:reach] & half).any()
        sticky = (extended.as_unsigned()[:reach] & below).any()
        quotient = Signal(signed(bits))
        m.d.comb += quotient.eq(self.i >> self.shift)
        m.d.sync += [floor.eq(quotient), up.eq(guard & (sticky | quotient[0]))]

        rounded = Signal(signed(bits + 1))
        high = rounded[out - 1 :]
        fits = ~high.any() | high.all()
        limit = Mux(rounded < 0, -(1 << (out - 1)), (1 << (out - 1)) - 1)
        m.d.comb += rounded.eq(floor + up)
        m.d.sync += self.o.eq(Mux(fits, rounded[:out].as_signed(), limit))
        return m
