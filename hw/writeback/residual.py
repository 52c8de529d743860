"""The residual adder: two int8 tensors, aligned, summed exactly, rounded once; then ReLU."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec import formats
from hw.parts.rounding import RoundShift
from hw.parts.shared import Shared


class ResidualAdder(wiring.Component):
    """o = relu(saturate(round_shift((i << align) + (residual << align_residual), shift))).

    Golden: `golden.graph`.  Latency: `latency.RESIDUAL` cycles.  Throughput: one word per cycle.

    Without `enable`, o = relu(i). The alignments, shifts and flags stand still during a layer, from the
    cycle before its first word. Where `zero` is set, in the cycle before the word leaves, o = 0.

    Members: i, residual: In, `width` bytes; align, align_residual, shift: In, as in the back word; enable,
    relu: In; zero: In, `width` flags; o: Out, `width` bytes; early: Out, `width` bytes: `o` of the
    next cycle, before ReLU and `zero`.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        super().__init__(
            {
                "i": In(width * 8),
                "residual": In(width * 8),
                "enable": In(1),
                "align": In(formats.ALIGN_BITS),
                "align_residual": In(formats.ALIGN_BITS),
                "shift": In(formats.SUM_SHIFT_BITS),
                "relu": In(1),
                "zero": In(width),
                "o": Out(width * 8),
                "early": Out(width * 8),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        align, align_residual = Signal.like(self.align), Signal.like(self.align_residual)
        shift, enable = Signal.like(self.shift), Signal()
        m.d.sync += [
            align.eq(Mux(self.enable, self.align, 0)),
            align_residual.eq(self.align_residual),
            shift.eq(Mux(self.enable, self.shift, 0)),
            enable.eq(self.enable),
        ]
        for i in range(self._width):
            unit = RoundShift(formats.ALIGNED_BITS, formats.SUM_SHIFT_BITS)
            m.submodules[f"round{i}"] = Shared(unit)
            total = Signal(signed(formats.ALIGNED_BITS), name=f"total{i}", reset_less=True)
            own = self.i.word_select(i, 8).as_signed()
            other = self.residual.word_select(i, 8).as_signed()
            m.d.sync += total.eq((own << align) + Mux(enable, other << align_residual, 0))
            m.d.comb += [unit.i.eq(total), unit.shift.eq(shift)]
            o = Signal(8, name=f"o{i}", reset_less=True)
            m.d.sync += o.eq(Mux(self.zero[i] | (self.relu & (unit.o < 0)), 0, unit.o))
            m.d.comb += [self.o.word_select(i, 8).eq(o), self.early.word_select(i, 8).eq(unit.o)]
        return m
