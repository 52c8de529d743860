"""A small exact multiplier: radix-4 digits of an int8 select multiples of the other factor.

The digits of the three low places are −1, 0, 1, 2, so that a bit of each multiple takes one LUT4; the
negative ones are one's complements, whose missing ones come in as carries of the additions.

Source of the idea: Booth (1951) and MacSorley (1961); the choice of digits is for four-input LUTs.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.spec import formats

DIGITS = data.StructLayout({"low": data.ArrayLayout(2, 3), "high": 2, "negative": 1})
"""A signed byte: low[i] in 0, 1, 2, 3 stands for 0, 1, 2, −1 times 4**i; ±high, 0…2, times 64."""


class Recoder(wiring.Component):
    """The digits of a signed byte.  Latency: none.

    Members
    -------
    i: In, signed byte.  o: Out, `DIGITS`.
    """

    def __init__(self) -> None:
        super().__init__({"i": In(signed(formats.ACTIVATION_BITS)), "o": Out(DIGITS)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        carry: Value = Const(0, 1)
        for place in range(3):
            total = Signal(3, name=f"total{place}")
            m.d.comb += [total.eq(self.i[2 * place : 2 * place + 2] + carry), self.o.low[place].eq(total)]
            carry = total >= 3
        high = Signal(signed(3))
        m.d.comb += [
            high.eq(self.i[6:8].as_signed() + carry),
            self.o.negative.eq(high < 0),
            self.o.high.eq(Mux(high < 0, -high, high)),
        ]
        return m


class Multiplier(wiring.Component):
    """A factor of `bits` bits times a recoded byte.  Latency: none.

    Golden: `digits · factor` = o + carry.

    Members
    -------
    digits: In, of the byte.  factor: In, signed.
    o: Out, signed, `bits` + 8 bits.  carry: Out, to be added to o.
    """

    def __init__(self, bits: int) -> None:
        self._bits = bits
        super().__init__(
            {
                "digits": In(DIGITS),
                "factor": In(signed(bits)),
                "o": Out(signed(bits + 8)),
                "carry": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits, x = self._bits, self.factor
        multiples = []
        for place in range(3):
            multiple = Signal(signed(bits + 1), name=f"multiple{place}")
            with m.Switch(self.digits.low[place]):
                with m.Case(1):
                    m.d.comb += multiple.eq(x)
                with m.Case(2):
                    m.d.comb += multiple.eq(x << 1)
                with m.Case(3):
                    m.d.comb += multiple.eq(~x)
            multiples.append(multiple)
        top = Signal(signed(bits + 1))
        with m.Switch(self.digits.high):
            with m.Case(1):
                m.d.comb += top.eq(x)
            with m.Case(2):
                m.d.comb += top.eq(x << 1)
        missing = [digit == 3 for digit in self.digits.low]
        # Low bits that only one operand has go round the adders.
        low = Signal(signed(bits + 4))
        high = Signal(signed(bits + 4))
        negative = self.digits.negative.replicate(bits + 1).as_signed()
        m.d.comb += [
            low.eq(Cat(multiples[0][:2], _add(m, "low_sum", multiples[0] >> 2, multiples[1], missing[1]))),
            high.eq(
                Cat(
                    multiples[2][:2],
                    _add(m, "high_sum", multiples[2] >> 2, top ^ negative, self.digits.negative),
                )
            ),
            self.o.eq(Cat(low[:4], _add(m, "sum", low >> 4, high, missing[2]))),
            self.carry.eq(missing[0]),
        ]
        return m


def _add(m: Module, name: str, a: Value, b: Value, carry: Value) -> Value:
    """a + b + carry, signed, one bit longer than b: a bit below both brings the carry in."""
    total = Signal(signed(len(b) + 2), name=name)
    m.d.comb += total.eq(Cat(Const(1, 1), a).as_signed() + Cat(carry, b).as_signed())
    return total[1:]
