"""Sums of scalars that are not negative, a bit of alignment each cycle."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.block import SCALAR_BITS
from hw.lightnorm.layouts import GRID_BITS
from hw.lightnorm.scalar import round_scalar, scalar_layout


class Add(wiring.Component):
    """a + b for a, b ≥ 0: all that the divisor needs.

    Golden: `golden.lightnorm.scalars.add`.  Latency: up to SCALAR_BITS + 5 cycles, by the distance of
    the exponents.  One at a time.

    Members: i: stream of scalars `a` and `b`, whose signs are ignored.  o: stream of `scalar_layout`.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self) -> None:
        pair = data.StructLayout({"a": scalar_layout(), "b": scalar_layout()})
        super().__init__({"i": In(stream.Signature(pair)), "o": Out(stream.Signature(scalar_layout()))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        a, b = self.i.payload.a, self.i.payload.b
        # Two places below the mantissa, then a bit that stays set once a one has left.
        width = SCALAR_BITS + 3
        large = Signal(SCALAR_BITS)
        small = Signal(width)
        exponent = Signal(signed(GRID_BITS))
        left = Signal(GRID_BITS + 1)
        with m.FSM():
            with m.State("idle"):
                first = Signal()
                m.d.comb += [
                    self.i.ready.eq(1),
                    first.eq((b.mantissa == 0) | ((a.mantissa != 0) & (a.exponent >= b.exponent))),
                ]
                with m.If(self.i.valid):
                    m.d.sync += [
                        large.eq(Mux(first, a.mantissa, b.mantissa)),
                        small.eq(Cat(Const(0, 3), Mux(first, b.mantissa, a.mantissa))),
                        exponent.eq(Mux(first, a.exponent, b.exponent)),
                        left.eq(Mux(first, a.exponent - b.exponent, b.exponent - a.exponent)),
                    ]
                    m.next = "align"
            with m.State("align"):
                with m.If((left != 0) & small[1:].any()):
                    m.d.sync += [left.eq(left - 1), small.eq(Cat(small[0] | small[1], small[2:]))]
                with m.Else():
                    total = Signal(width + 1)
                    top = Signal(width + 1)
                    carry = total[width]
                    m.d.comb += [
                        total.eq(Cat(Const(0, 3), large) + small),
                        top.eq(Mux(carry, total, total << 1)),
                    ]
                    round_scalar(m, self.o.payload, top, 0, exponent + carry)
                    m.next = "done"
            with m.State("done"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "idle"
        return m
