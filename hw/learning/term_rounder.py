"""Errors become powers of two."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec import formats
from golden.spec.learning import ERROR_RANDOM_BITS


class TermRounder(wiring.Component):
    """Rounds int8 errors to codes of one power of two, or zero, of twice their unit.

    Golden: `golden.spec.learning.power_term`.  Latency: `latency.TERM_ROUND` cycles.  Throughput: one beat
    per cycle.

    Parameters
    ----------
    lanes: errors of a beat.

    Members
    -------
    errors: In, int8, not −128, lane 0 lowest.  random: In, a byte a lane.  codes: Out, CODE_BITS a lane.
    """

    def __init__(self, lanes: int) -> None:
        self._lanes = lanes
        super().__init__(
            {
                "errors": In(lanes * formats.ACTIVATION_BITS),
                "random": In(lanes * ERROR_RANDOM_BITS),
                "codes": Out(lanes * formats.CODE_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        size = formats.ACTIVATION_BITS - 1
        for lane in range(self._lanes):
            error = self.errors.word_select(lane, formats.ACTIVATION_BITS)
            random = self.random.word_select(lane, ERROR_RANDOM_BITS)
            negative, total = Signal(name=f"negative{lane}"), Signal(size + 1, name=f"total{lane}")
            # 1: random bits below the leading one are added, the lowest always. The complement of a negative
            # error is one too small; its leading one is another only where there is nothing to round.
            sign = error[-1]
            magnitude = error[:size] ^ sign.replicate(size)
            below = Cat(1, *(magnitude[place + 1 :].any() for place in range(1, size - 1)))
            m.d.sync += [total.eq(magnitude + (random & below) + sign), negative.eq(sign)]
            # 2: the leading one of the sum counts.
            exponent = Signal(formats.EXPONENT_BITS, name=f"exponent{lane}")
            m.d.comb += exponent.eq(formats.CODE_ZERO)
            for place in range(1, size + 1):
                with m.If(total[place]):
                    m.d.comb += exponent.eq(place - 1)
            code = self.codes.word_select(lane, formats.CODE_BITS)
            m.d.sync += code.eq(Cat(exponent, negative & total[1:].any()))
        return m
