"""Errors become powers of two."""

from amaranth.hdl import Cat, Module, Mux, Signal
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
            error = self.errors.word_select(lane, formats.ACTIVATION_BITS).as_signed()
            random = self.random.word_select(lane, ERROR_RANDOM_BITS)
            # 1: the magnitude, and the random bits that are still to be masked.
            magnitude, kept = Signal(size, name=f"magnitude{lane}"), Signal(size - 1, name=f"kept{lane}")
            negative = Signal(name=f"negative{lane}")
            m.d.sync += [magnitude.eq(Mux(error < 0, -error, error)), kept.eq(random), negative.eq(error < 0)]
            # 2: those below the leading one are added, the lowest always; the leading one of the sum counts.
            below = Cat(1, *(magnitude[place + 1 :].any() for place in range(1, size - 1)))
            total = Signal(size + 1, name=f"total{lane}")
            exponent = Signal(formats.EXPONENT_BITS, name=f"exponent{lane}")
            m.d.comb += [total.eq(magnitude + (kept & below)), exponent.eq(formats.CODE_ZERO)]
            for place in range(1, size + 1):
                with m.If(total[place]):
                    m.d.comb += exponent.eq(place - 1)
            code = self.codes.word_select(lane, formats.CODE_BITS)
            m.d.sync += code.eq(Cat(exponent, negative & total[1:].any()))
        return m
