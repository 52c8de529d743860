"""The one division of a channel: a restoring divider, a bit of the quotient each cycle."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class Divider(wiring.Component):
    """o = min(⌊2**(2·bits − 1) / i⌋, 2**bits − 1) for a divisor with its top bit set.

    Golden: `golden.lightnorm.channel.divide`.  Latency: `latency` cycles from the transfer of i to
    o.valid.  Throughput: one division at a time.

    Parameters
    ----------
    bits: of divisor and quotient, P.

    Members: i: stream of `bits` bits, 2**(bits−1) or more.  o: stream of `bits` bits.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, bits: int) -> None:
        self._bits = bits
        super().__init__({"i": In(stream.Signature(bits)), "o": Out(stream.Signature(bits))})

    @property
    def latency(self) -> int:
        """Cycles from the transfer of a divisor until its quotient is valid."""
        return self._bits + 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = self._bits
        divisor = Signal(bits)
        rest = Signal(bits)
        quotient = Signal(bits)
        left = Signal(range(bits + 1))
        m.d.comb += [
            self.i.ready.eq((left == 0) & ~self.o.valid),
            self.o.payload.eq(quotient),
        ]
        # The dividend is 2**(bits−1) with `bits` zeros after it. The smallest divisor leaves that rest
        # over and over, so its quotient comes out as all ones, one below the true 2**bits.
        double = Signal(bits + 1)
        difference = Signal(bits + 1)
        fits = Signal()
        m.d.comb += [
            double.eq(rest << 1),
            fits.eq(double >= divisor),
            difference.eq(double - divisor),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [
                divisor.eq(self.i.payload),
                rest.eq(1 << (bits - 1)),
                left.eq(bits),
                quotient.eq(0),
            ]
        with m.Elif(left != 0):
            m.d.sync += [
                left.eq(left - 1),
                rest.eq(Mux(fits, difference, double)),
                quotient.eq((quotient << 1) | fits),
            ]
            with m.If(left == 1):
                m.d.sync += self.o.valid.eq(1)
        return m
