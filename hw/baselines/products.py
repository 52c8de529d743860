"""What the lanes of an engine add where they multiply: pixels times weights."""

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import data, memory, wiring

from golden.spec import formats
from golden.spec.baselines import REBUILD_COLUMN, REBUILD_RECORD
from golden.spec.config import Config
from hw.baselines.multiplier import DIGITS, Multiplier, Recoder
from hw.engine.datapath import addends_signature
from hw.parts.layouts import layout

PRODUCT_BITS = 2 * formats.ACTIVATION_BITS

REBUILT_BITS = 17
"""Σ of three int8 times ±2**6 at most."""


class WeightAddends(wiring.Component):
    """`lanes` exact products of a pixel and an int8 weight, which is recoded once for all lanes.

    Golden: `golden.machine`.  Latency: two cycles from the weight, one from the row.  Throughput: one
    weight per cycle.

    Members: `addends_signature`; the operand is the weight.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(addends_signature(config, PRODUCT_BITS))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        digits = Signal(DIGITS)
        m.submodules.recoder = recoder = Recoder()
        m.d.comb += recoder.i.eq(self.step.operand)
        m.d.sync += digits.eq(recoder.o)
        for lane in range(self._config.lanes):
            m.submodules[f"multiplier{lane}"] = unit = Multiplier(formats.ACTIVATION_BITS)
            m.d.comb += [unit.digits.eq(digits), unit.factor.eq(self.row.word_select(lane, 8).as_signed())]
            m.d.sync += [self.addend[lane].eq(unit.o), self.carry[lane].eq(unit.carry)]
        return m


class RebuiltAddends(wiring.Component):
    """`lanes` exact products of a pixel and a rebuilt weight W = Σ code·B; each lane recodes its pixel.

    Golden: `golden.machine`.  Latency: two cycles from the codes, one from the row.  Throughput: one
    weight per cycle.

    Members: `addends_signature`.  The operand holds the codes of a weight or, with its highest bit set, the
    column of B of the step's slot, from the next step on.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(addends_signature(config, formats.ACTIVATION_BITS + REBUILT_BITS))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        m.submodules.basis = basis = memory.Memory(
            shape=layout(REBUILD_COLUMN), depth=config.accumulators, init=[]
        )
        write, read = basis.write_port(), basis.read_port(domain="comb")
        word = self.step.operand[: REBUILD_RECORD.bits]
        m.d.comb += [
            write.addr.eq(self.step.slot),
            write.data.eq(data.View(layout(REBUILD_COLUMN), word)),
            write.en.eq(self.step.operand[REBUILD_RECORD.bits]),
            read.addr.eq(self.step.slot),
        ]
        weight = Signal(signed(REBUILT_BITS))
        m.d.sync += weight.eq(self._rebuilt(m, data.View(layout(REBUILD_RECORD), word).codes, read.data))
        for lane in range(config.lanes):
            m.submodules[f"multiplier{lane}"] = unit = Multiplier(REBUILT_BITS)
            m.submodules[f"recoder{lane}"] = recoder = Recoder()
            m.d.comb += [
                recoder.i.eq(self.row.word_select(lane, 8).as_signed()),
                unit.digits.eq(recoder.o),
                unit.factor.eq(weight),
            ]
            m.d.sync += [self.addend[lane].eq(unit.o), self.carry[lane].eq(unit.carry)]
        return m

    def _rebuilt(self, m: Module, codes: Value, column: data.View) -> Signal:
        """Σ_k ±b[k]·2**p[k], exactly."""
        parts = []
        for k in range(formats.BASIS):
            code = codes.word_select(k, formats.CODE_BITS)
            exponent, negative = code[: formats.EXPONENT_BITS], code[formats.EXPONENT_BITS]
            part = Signal(signed(formats.ACTIVATION_BITS + formats.EXPONENTS), name=f"part{k}")
            shifted = column[f"b{k}"] << exponent
            m.d.comb += part.eq(Mux(exponent == formats.CODE_ZERO, 0, Mux(negative, -shifted, shifted)))
            parts.append(part)
        total = Signal(signed(REBUILT_BITS))
        m.d.comb += total.eq(sum(parts[1:], parts[0]))
        return total
