"""What the lanes of an engine that learns add: pixels, shifted by the step's code or each by its own."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from golden.spec import formats
from golden.spec.config import Config
from hw.engine.datapath import addends_signature
from hw.engine.shift_add import ADDEND_BITS


class LaneAddends(wiring.Component):
    """`ShiftAddends`, where each lane may have a code of its own.

    Latency: two cycles from the step and the codes, one from the row.  Throughput: one a cycle.

    Members: `addends_signature`; and
    gradient: In, lanes go by `codes`, `CODE_BITS` each, lane 0 lowest, with the step; a zero adds nothing.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        members = addends_signature(config, ADDEND_BITS).members
        more = {"gradient": In(1), "codes": In(config.lanes * formats.CODE_BITS)}
        super().__init__(wiring.Signature({**members, **more}))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for lane in range(self._config.lanes):
            code = Signal(formats.CODE_BITS, name=f"code{lane}")
            negative = Signal(name=f"negative{lane}")
            shifted = Signal(signed(ADDEND_BITS), name=f"shifted{lane}")
            own = self.codes.word_select(lane, formats.CODE_BITS)
            exponent = code[: formats.EXPONENT_BITS]
            pixel = self.row.word_select(lane, formats.ACTIVATION_BITS).as_signed()
            m.d.sync += [
                code.eq(Mux(self.gradient, own, self.step.operand)),
                negative.eq(code[formats.EXPONENT_BITS]),
                shifted.eq(pixel << exponent),
            ]
            with m.If(exponent == formats.CODE_ZERO):
                m.d.sync += shifted.eq(0)
            m.d.comb += [
                self.addend[lane].eq(shifted ^ negative.replicate(ADDEND_BITS).as_signed()),
                self.carry[lane].eq(negative),
            ]
        return m
