"""Floating-point multiplier of the batch-norm units."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.floats import FloatFormat
from hw.baselines.batchnorm.pack import BIAS, FLOAT_BITS, SIGNIFICAND_BITS, pack, parts


def multiply_latency(fmt: FloatFormat) -> int:
    """Cycles of `FloatMultiply`: the product of bfloat16 elements is exact and needs no rounding cycle."""
    return 1 if 2 * fmt.significand <= SIGNIFICAND_BITS else 2


class FloatMultiply(wiring.Component):
    """o = a · b in float32 for elements a and b, without denormals.

    Golden: `golden.baselines.batchnorm.floats.multiply`.  Latency: `multiply_latency(fmt)` cycles.
    Throughput: 1 per cycle.

    Parameters
    ----------
    fmt: of a and b.

    Members: advance: In, the registers move.  a, b: In, elements.  o: Out, float32.
    """

    def __init__(self, fmt: FloatFormat) -> None:
        self._fmt = fmt
        super().__init__({"advance": In(1), "a": In(fmt.bits), "b": In(fmt.bits), "o": Out(FLOAT_BITS)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        a, b = parts(self.a), parts(self.b)
        bits = 2 * self._fmt.significand
        product = Signal(bits)
        # Of the digits that are rounded away only one is held, and whether any below it is set.
        low = max(0, bits - SIGNIFICAND_BITS - 2)
        found = {
            "digits": product if not low else Cat(product[:low].any(), product[low:]),
            "exponent": a.exponent + b.exponent - BIAS,
            "sign": a.sign ^ b.sign,
            "infinite": a.infinite | b.infinite,
            "nan": a.nan | b.nan | (a.infinite & b.zero) | (b.infinite & a.zero),
        }
        m.d.comb += product.eq(a.significand * b.significand)
        held = {name: Signal(len(value), name=name) for name, value in found.items()}
        held["exponent"] = Signal(signed(10), name="exponent")
        copy = [held[name].eq(value) for name, value in found.items()]
        if multiply_latency(self._fmt) == 1:
            m.d.comb += copy
        else:
            with m.If(self.advance):
                m.d.sync += copy
        short = ~held["digits"][-1]
        digits = Mux(short, held["digits"] << 1, held["digits"])[: len(held["digits"])]
        spare = max(0, SIGNIFICAND_BITS + 1 - len(held["digits"]))
        exponent = held["exponent"] + ~short
        result = pack(m, held["sign"], exponent, Cat(Const(0, spare), digits), held["infinite"], held["nan"])
        with m.If(self.advance):
            m.d.sync += self.o.eq(result)
        return m
