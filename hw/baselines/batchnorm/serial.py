"""Floating-point arithmetic of what a channel has once, a bit each cycle."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.baselines.batchnorm.pack import BIAS, FLOAT_BITS, SIGNIFICAND_BITS, pack, parts

_GUARD = 3
_UPPER = SIGNIFICAND_BITS + _GUARD


def operation() -> data.StructLayout:
    """a · b, a + b or (`negative`) a − b of float32 values."""
    return data.StructLayout({"a": FLOAT_BITS, "b": FLOAT_BITS, "multiply": 1, "negative": 1})


class SerialFloat(wiring.Component):
    """Sums and products of float32, without denormals, with one adder and one shift register.

    Golden: `golden.baselines.batchnorm.floats.add`, `subtract` and `multiply`.  Latency: a product 26 or 27
    cycles, a sum 3 to 54, by the distance of the exponents and the zeros to be shifted out.  One at a time.

    Members: i: stream of `operation`; is taken when the result is.  o: stream of float32.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self) -> None:
        super().__init__({"i": In(stream.Signature(operation())), "o": Out(stream.Signature(FLOAT_BITS))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        job = self.i.payload
        second = Signal(FLOAT_BITS)
        swap = Signal()
        m.d.comb += [
            second.eq(Cat(job.b[:31], job.b[31] ^ job.negative)),
            swap.eq(~job.multiply & (second[:31] > job.a[:31])),
        ]
        large, small = parts(Mux(swap, second, job.a)), parts(Mux(swap, job.a, second))
        minus = ~job.multiply & (large.sign ^ small.sign)

        # The upper part is a significand and three digits below it. What leaves it on the right goes into
        # the lower part, which a product's second factor leaves at the same time.
        upper, lower = Signal(_UPPER), Signal(SIGNIFICAND_BITS)
        number = Cat(lower, upper)
        left = Signal(8)
        exponent = Signal(signed(10))
        augend = Signal(_UPPER)
        total = Signal(_UPPER + 2)
        m.d.comb += [
            augend.eq(Cat(Const(0, _GUARD), Mux(job.multiply & ~lower[0], 0, large.significand))),
            # Aligned, the smaller operand ends in a sticky digit; minus it is not it plus one.
            total.eq(
                Cat(minus, augend)
                + Cat(minus, (upper | (~job.multiply & lower.any())) ^ minus.replicate(_UPPER))
            ),
        ]
        over = total[-1] & ~minus

        sign = Mux(job.multiply, large.sign ^ small.sign, large.sign & (upper[-1] | ~minus))
        product_nan = (large.infinite & small.zero) | (small.infinite & large.zero)
        nan = Mux(job.multiply, product_nan, small.infinite & minus) | large.nan | small.nan
        digits = Cat(lower.any(), upper)
        result = pack(m, sign, exponent, digits, large.infinite | small.infinite, nan)
        m.d.comb += self.o.payload.eq(result)
        with m.FSM():
            with m.State("idle"):
                m.d.sync += [
                    upper.eq(Mux(job.multiply, 0, small.significand << _GUARD)),
                    lower.eq(Mux(job.multiply, small.significand, 0)),
                    left.eq(Mux(job.multiply, SIGNIFICAND_BITS, large.exponent - small.exponent)),
                    exponent.eq(large.exponent + Mux(job.multiply, small.exponent - (BIAS - 1), 0)),
                ]
                with m.If(self.i.valid):
                    m.next = "shift"
            with m.State("shift"):
                m.d.sync += left.eq(left - 1)
                with m.If(job.multiply):
                    m.d.sync += [number.eq(Cat(lower[1:], total[1:]))]
                    with m.If(left == 1):
                        m.next = "normalise"
                with m.Elif((left != 0) & number[1:].any()):
                    m.d.sync += number.eq(Cat(number[0] | number[1], number[2:]))
                with m.Else():
                    m.d.sync += [
                        upper.eq(Mux(over, total[2:], total[1:])),
                        lower.eq(over & total[1]),
                        exponent.eq(exponent + over),
                    ]
                    m.next = "normalise"
            with m.State("normalise"):
                with m.If(~upper[-1] & number.any()):
                    m.d.sync += [number.eq(number << 1), exponent.eq(exponent - 1)]
                with m.Else():
                    m.d.comb += [self.o.valid.eq(1), self.i.ready.eq(self.o.ready)]
                    with m.If(self.o.ready):
                        m.next = "idle"
        return m
