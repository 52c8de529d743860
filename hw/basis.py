"""The basis stage: Σ terms × partial sums + bias, exactly."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec import formats
from golden.spec.config import Config
from golden.spec.memories import log2

LATENCY = 3


def slice_bits(config: Config) -> int:
    """Width of the number of a slice: a group of `basis` lanes of a word."""
    return log2(config.lanes // config.basis)


class BasisStage(wiring.Component):
    """`basis` multiplier-accumulators for one slice of the lanes.

    Golden: `golden.machine` (section 3 of docs/machine.md).  Latency: `LATENCY` cycles from a term
    to the sum that holds it.  Throughput: one term per cycle.

    Members
    -------
    sums: In, `lanes` partial sums.  term: In, signed basis term.
    slice: In, which lanes.  column: In, 0, 1, 2: use the left neighbour's sum, the own, the right
        neighbour's (COLUMN; else 1).  row_width: In, pixels of a map row, a power of two.
    valid: In, there is a term in this cycle.  first: In, it begins an output: `bias` plus its
    product.
    o: Out, `basis` signed outputs of OUTPUT_BITS bits.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(
            {
                "sums": In(config.lanes * config.accumulator_bits),
                "term": In(signed(formats.ACTIVATION_BITS)),
                "slice": In(slice_bits(config)),
                "column": In(2),
                "row_width": In(7),
                "valid": In(1),
                "first": In(1),
                "bias": In(signed(formats.BIAS_BITS)),
                "o": Out(config.basis * formats.OUTPUT_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        lanes, basis, bits = self._config.lanes, self._config.basis, self._config.accumulator_bits
        inside = self.row_width - 1

        def sum_of(lane: int) -> object:
            return self.sums.word_select(lane, bits) if 0 <= lane < lanes else 0

        neighbours = []
        for lane in range(lanes):
            left = Mux((lane & inside[:6]) == 0, 0, sum_of(lane - 1))
            right = Mux((lane & inside[:6]) == inside[:6], 0, sum_of(lane + 1))
            moved = Mux(self.column == 0, left, Mux(self.column == 2, right, sum_of(lane)))
            neighbours.append(moved[:bits])
        everything = Cat(neighbours)

        operands = Signal(basis * bits)
        term = Signal(signed(formats.ACTIVATION_BITS))
        first2, first3 = Signal(), Signal()
        valid2, valid3 = Signal(), Signal()
        bias2, bias3 = Signal(signed(formats.BIAS_BITS)), Signal(signed(formats.BIAS_BITS))
        m.d.sync += [
            operands.eq(everything.word_select(self.slice, basis * bits)),
            term.eq(self.term),
            first2.eq(self.first),
            first3.eq(first2),
            valid2.eq(self.valid),
            valid3.eq(valid2),
            bias2.eq(self.bias),
            bias3.eq(bias2),
        ]
        for i in range(basis):
            product = Signal(signed(bits + formats.ACTIVATION_BITS), name=f"product{i}")
            total = Signal(signed(formats.OUTPUT_BITS), name=f"total{i}")
            m.d.sync += product.eq(operands.word_select(i, bits).as_signed() * term)
            with m.If(valid3):
                m.d.sync += total.eq(Mux(first3, bias3, total) + product)
            m.d.comb += self.o.word_select(i, formats.OUTPUT_BITS).eq(total)
        return m
