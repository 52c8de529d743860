"""Floating-point adder of the batch-norm units."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.baselines.batchnorm.pack import FLOAT_BITS, SIGNIFICAND_BITS, pack, parts

ADD_LATENCY = 2
"""Cycles; the accumulators hold as many partial sums."""

_WIDTH = SIGNIFICAND_BITS + 3


class FloatAdd(wiring.Component):
    """o = a + b in float32, without denormals.

    Golden: `golden.baselines.batchnorm.floats.add`.  Latency: `ADD_LATENCY` cycles.  Throughput: 1 per cycle.

    The first cycle orders, aligns and adds, the second one normalises and rounds, so little is held
    between them. Three digits below the significand, the last one sticky, are enough.

    Members: advance: In, the registers move.  a, b: In, float32.  o: Out, float32.
    """

    def __init__(self) -> None:
        super().__init__({"advance": In(1), "a": In(FLOAT_BITS), "b": In(FLOAT_BITS), "o": Out(FLOAT_BITS)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        swap = Signal()
        large, small = Signal(FLOAT_BITS), Signal(FLOAT_BITS)
        m.d.comb += [
            swap.eq(self.b[:31] > self.a[:31]),
            large.eq(Mux(swap, self.b, self.a)),
            small.eq(Mux(swap, self.a, self.b)),
        ]
        first, second = parts(large), parts(small)
        apart = Signal(FLOAT_BITS)
        distance = Signal(8)
        minus = Signal()
        m.d.comb += [
            distance.eq(first.exponent - second.exponent),
            apart.eq(Cat(Const(0, 3), second.significand)),
            minus.eq(first.sign ^ second.sign),
        ]
        aligned, lost = apart[:_WIDTH], Const(0)
        for place in range(5):
            # The sticky digit stands below the others until the end.
            step = 1 << place
            moved, kept = Signal(_WIDTH, name=f"moved{place}"), Signal(name=f"lost{place}")
            m.d.comb += [
                moved.eq(Mux(distance[place], aligned >> step, aligned)),
                kept.eq(lost | (distance[place] & aligned[:step].any())),
            ]
            aligned, lost = moved, kept
        far = distance[5:].any()
        addend = Cat(Mux(far, ~second.zero, aligned[0] | lost), Mux(far, 0, aligned[1:]))
        augend = Cat(Const(0, 3), first.significand)

        # One adder: minus b is not b plus one, which comes in below the lowest digit; the carry out of a
        # difference says only that it is not negative.
        both = Signal(_WIDTH + 2)
        m.d.comb += both.eq(Cat(minus, augend) + Cat(minus, addend ^ minus.replicate(_WIDTH)))

        total = Signal(_WIDTH + 1)
        exponent = Signal(8)
        sign, difference, infinite, nan = Signal(), Signal(), Signal(), Signal()
        with m.If(self.advance):
            m.d.sync += [
                total.eq(Cat(both[1:-1], both[-1] & ~minus)),
                exponent.eq(first.exponent),
                sign.eq(first.sign),
                difference.eq(minus),
                infinite.eq(first.infinite),
                # The larger magnitude is NaN if any is.
                nan.eq(first.nan | (second.infinite & minus & ~first.nan)),
            ]

        digits = total
        zeros: list[Signal] = []
        for place in reversed(range(5)):
            step = 1 << place
            shifted = Signal(_WIDTH + 1, name=f"shifted{place}")
            empty = Signal(name=f"empty{place}")
            m.d.comb += [
                empty.eq(~digits[-step:].any()),
                shifted.eq(Mux(empty, digits << step, digits)),
            ]
            digits = shifted
            zeros.insert(0, empty)
        # A difference of zero is positive.
        negative = sign & (digits[-1] | ~difference)
        result = pack(m, negative, exponent + 1 - Cat(zeros), digits, infinite, nan)
        with m.If(self.advance):
            m.d.sync += self.o.eq(result)
        return m
