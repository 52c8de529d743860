"""What the lanes of an engine add: pixels times weights, for the arithmetics that multiply."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec import formats
from golden.spec.config import Arithmetic, Config
from golden.spec.memories import REBUILD_COLUMN
from hw.mac import DIGITS, Multiplier, Recoder

REBUILT_BITS = 17
"""Σ of three int8 times ±2**6 at most."""

PRODUCT_BITS = {
    Arithmetic.INT8: 16,
    Arithmetic.ROWS_INT8: 16,
    Arithmetic.REBUILD: formats.ACTIVATION_BITS + REBUILT_BITS,
}


def operand_bits(config: Config) -> int:
    """Width of what a step carries: a code, a weight, or three codes."""
    return {
        Arithmetic.SHIFT_ADD: formats.CODE_BITS,
        Arithmetic.INT8: formats.ACTIVATION_BITS,
        Arithmetic.ROWS_INT8: formats.ACTIVATION_BITS,
        Arithmetic.REBUILD: formats.BASIS * formats.CODE_BITS,
    }[config.arithmetic]


class Products(wiring.Component):
    """`lanes` exact products of a pixel and the weight of a step.

    Golden: `golden.machine`.  Latency: two cycles from the weight, one from the row.  Throughput: one
    weight per cycle.

    A weight of int8 is recoded once for all lanes. A rebuilt one, W = Σ code·B, is the long factor;
    there each lane recodes its pixel.

    Members
    -------
    operand: In, see `operand_bits`.  column: In, column of B that goes with codes.
    row: In, `lanes` bytes, one cycle later.
    addend: Out, `lanes` signed numbers, `carry`: a bit for each; product = addend + carry.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        bits = PRODUCT_BITS[config.arithmetic]
        super().__init__(
            {
                "operand": In(operand_bits(config)),
                "column": In(REBUILD_COLUMN.bits),
                "row": In(config.lanes * 8),
                "addend": Out(signed(bits)).array(config.lanes),
                "carry": Out(1).array(config.lanes),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        rebuild = self._config.arithmetic == Arithmetic.REBUILD
        weight = Signal(signed(REBUILT_BITS))
        digits = Signal(DIGITS)
        if rebuild:
            m.d.sync += weight.eq(self._rebuilt(m))
        else:
            m.submodules.recoder = recoder = Recoder()
            m.d.comb += recoder.i.eq(self.operand)
            m.d.sync += digits.eq(recoder.o)
        for lane in range(self._config.lanes):
            unit = Multiplier(REBUILT_BITS if rebuild else formats.ACTIVATION_BITS)
            m.submodules[f"multiplier{lane}"] = unit
            pixel = self.row.word_select(lane, 8).as_signed()
            if rebuild:
                m.submodules[f"recoder{lane}"] = recoder = Recoder()
                m.d.comb += [recoder.i.eq(pixel), unit.digits.eq(recoder.o), unit.factor.eq(weight)]
            else:
                m.d.comb += [unit.digits.eq(digits), unit.factor.eq(pixel)]
            m.d.sync += [self.addend[lane].eq(unit.o), self.carry[lane].eq(unit.carry)]
        return m

    def _rebuilt(self, m: Module) -> Signal:
        """Σ_k ±b[k]·2**p[k], exactly."""
        parts = []
        for k in range(formats.BASIS):
            code = self.operand.word_select(k, formats.CODE_BITS)
            part = Signal(signed(formats.ACTIVATION_BITS + formats.EXPONENTS), name=f"part{k}")
            shifted = self.column.word_select(k, 8).as_signed() << code[:3]
            m.d.comb += part.eq(Mux(code[:3] == formats.CODE_ZERO, 0, Mux(code[3], -shifted, shifted)))
            parts.append(part)
        total = Signal(signed(REBUILT_BITS))
        m.d.comb += total.eq(sum(parts[1:], parts[0]))
        return total
