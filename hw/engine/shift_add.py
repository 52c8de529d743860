"""What the lanes of the core add: pixels, shifted."""

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import wiring

from golden.spec import formats
from golden.spec.config import Config
from hw.engine.datapath import addends_signature

ADDEND_BITS = formats.ACTIVATION_BITS + formats.EXPONENTS
"""±x·2**p with x in −128…127 and p up to EXPONENTS − 1 fits in this many bits."""


class ShiftAddends(wiring.Component):
    """For each lane ±pixel·2**p: the shifted pixel or its complement, and the one that is then missing.

    Golden: `golden.machine`.  Latency: two cycles from the step, one from the row.  Throughput: one a cycle.

    Members: `addends_signature`.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(addends_signature(config, ADDEND_BITS))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        code = Signal(formats.CODE_BITS)
        negative = Signal()
        m.d.sync += [code.eq(self.step.operand), negative.eq(code[formats.EXPONENT_BITS])]
        for lane in range(self._config.lanes):
            shifted = Signal(signed(ADDEND_BITS), name=f"shifted{lane}", reset_less=True)
            pixel = self.row.word_select(lane, 8).as_signed()
            m.d.sync += shifted.eq(pixel << code[: formats.EXPONENT_BITS])
            m.d.comb += [
                self.addend[lane].eq(shifted ^ negative.replicate(ADDEND_BITS).as_signed()),
                self.carry[lane].eq(negative),
            ]
        return m
