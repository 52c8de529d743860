"""Products of scalars, a bit each cycle."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.block import SCALAR_BITS
from hw.lightnorm.layouts import GRID_BITS
from hw.lightnorm.scalar import round_scalar, scalar_layout


class Multiply(wiring.Component):
    """a · b.

    Golden: `golden.lightnorm.scalars.multiply`.  Latency: SCALAR_BITS + 2 cycles.  One at a time.

    Members: i: stream of scalars `a` and `b`.  o: stream of `scalar_layout`.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self) -> None:
        pair = data.StructLayout({"a": scalar_layout(), "b": scalar_layout()})
        super().__init__({"i": In(stream.Signature(pair)), "o": Out(stream.Signature(scalar_layout()))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        a, b = self.i.payload.a, self.i.payload.b
        factor = Signal(SCALAR_BITS)
        # The upper half collects; the multiplier leaves at the lower end as the product enters.
        product = Signal(2 * SCALAR_BITS)
        left = Signal(range(SCALAR_BITS + 1))
        sign = Signal()
        exponent = Signal(signed(GRID_BITS + 1))
        with m.FSM():
            with m.State("idle"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid):
                    m.d.sync += [
                        factor.eq(a.mantissa),
                        product.eq(b.mantissa),
                        left.eq(SCALAR_BITS),
                        sign.eq(a.sign ^ b.sign),
                        exponent.eq(a.exponent + b.exponent + SCALAR_BITS),
                    ]
                    m.next = "add"
            with m.State("add"):
                total = Signal(SCALAR_BITS + 1)
                m.d.comb += total.eq(product[SCALAR_BITS:] + Mux(product[0], factor, 0))
                m.d.sync += left.eq(left - 1)
                with m.If(left != 0):
                    m.d.sync += product.eq(Cat(product[1:SCALAR_BITS], total))
                with m.Else():
                    # The product of two normalised mantissas has one leading zero at most.
                    short = ~product[-1]
                    top = Signal(2 * SCALAR_BITS)
                    m.d.comb += top.eq(Mux(short, product << 1, product))
                    round_scalar(m, self.o.payload, top, sign, exponent - short)
                    m.next = "done"
            with m.State("done"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "idle"
        return m
