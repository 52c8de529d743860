"""A counter that reaches its bar moves the code."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec import formats
from golden.spec.memories import COUNTER_BITS

TOTAL_BITS = COUNTER_BITS + 2
"""A counter and a move of at most twice the bar, to either side."""


class CodeSwitch(wiring.Component):
    """Code and counter after a move.

    Golden: `golden.spec.learning.switched`.  Latency: none, it has no registers.

    Members
    -------
    code: In, not END.  total: In, counter + move.
    new_code, new_counter: Out, what they become.  moved: Out, the code becomes another one.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "code": In(formats.CODE_BITS),
                "total": In(signed(TOTAL_BITS)),
                "new_code": Out(formats.CODE_BITS),
                "new_counter": Out(signed(COUNTER_BITS)),
                "moved": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bar = 1 << COUNTER_BITS - 1
        exponent, sign = self.code[: formats.EXPONENT_BITS], self.code[formats.EXPONENT_BITS]
        down, goes, zero, away = Signal(), Signal(), Signal(), Signal()
        largest = exponent == formats.EXPONENTS - 1
        m.d.comb += [
            down.eq(self.total < 0),
            goes.eq((self.total >= bar) | (self.total <= -bar)),
            zero.eq(exponent == formats.CODE_ZERO),
            away.eq(down == sign),
            self.new_counter.eq(Mux(goes, 0, self.total)),
            self.moved.eq(goes & (zero | ~(away & largest))),
            self.new_code.eq(self.code),
        ]
        one = Const(0, formats.EXPONENT_BITS)
        with m.If(self.moved):
            with m.If(zero):
                m.d.comb += self.new_code.eq(Cat(one, down))
            with m.Elif(away):
                m.d.comb += self.new_code.eq(Cat((exponent + 1)[: formats.EXPONENT_BITS], sign))
            with m.Elif(exponent == 0):
                m.d.comb += self.new_code.eq(formats.CODE_ZERO)
            with m.Else():
                m.d.comb += self.new_code.eq(Cat((exponent - 1)[: formats.EXPONENT_BITS], sign))
        return m
