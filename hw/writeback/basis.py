"""The basis stage: Σ terms × partial sums + bias, exactly, or the largest of the products."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec import formats, latency
from golden.spec.config import Config
from golden.spec.memories import log2
from hw.parts.delay import delayed

DSP_BITS = 18
"""Signed factors of a DSP block (MULT18X18D and its like)."""

LOW_BITS = DSP_BITS - 1
"""Low bits of a partial sum that make a product of their own: unsigned, they fit a signed 18-bit factor."""


def slice_bits(config: Config) -> int:
    """Width of the number of a slice: a group of `basis` lanes of a word."""
    return log2(config.lanes // config.basis)


class BasisStage(wiring.Component):
    """`basis` multiplier-accumulators for one slice of the lanes.

    Golden: `golden.machine` (section 3 of docs/machine.md).  Latency: `latency.BASIS` cycles from a term
    to the sum that holds it.  Throughput: one term per cycle.

    Each product is made of two, since that is how wide a DSP block is, with registers before and behind
    them and a stage of its own for their sum.

    Members
    -------
    sums: In, `lanes` partial sums.  term: In, signed basis term.
    slice: In, which lanes.  column: In, 0, 1, 2: use the left neighbour's sum, the own, the right
        neighbour's (COLUMN; else 1).  row_width: In, pixels of a map row, a power of two.
    valid: In, there is a term in this cycle.  first: In, it begins an output: `bias` plus its
    product.
    largest: In, still during a layer: a product with `bias` is not added; where its low byte is the larger
        one, it takes the place of the output.
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
                "row_width": In(formats.LANES_BITS),
                "valid": In(1),
                "first": In(1),
                "largest": In(1),
                "bias": In(signed(formats.BIAS_BITS)),
                "o": Out(config.basis * formats.OUTPUT_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        basis, bits = self._config.basis, self._config.accumulator_bits
        slices = range(self._config.lanes // basis)

        # Partial sums of the slice, with a neighbour on each side, and whether a map row ends before each.
        nearby = [
            Array(self._sum(place * basis + i) for place in slices)[self.slice] for i in range(-1, basis + 1)
        ]
        edges = [
            Array(self._edge(place * basis + i) for place in slices)[self.slice] for i in range(basis + 1)
        ]
        operands = []
        for i in range(basis):
            operand = Signal(bits, name=f"operand{i}")
            # 0: outside the row, 1: left, 2: right, 3: own; so coded that a bit takes two LUTs.
            choice = Signal(2, name=f"choice{i}")
            with m.If(self.column == 0):
                m.d.comb += choice.eq(Mux(edges[i], 0, 1))
            with m.Elif(self.column == 2):
                m.d.comb += choice.eq(Mux(edges[i + 1], 0, 2))
            with m.Else():
                m.d.comb += choice.eq(3)
            left, own, right = nearby[i : i + 3]
            m.d.sync += operand.eq(Mux(choice[1], Mux(choice[0], own, right), Mux(choice[0], left, 0)))
            operands.append(operand)

        term = Signal(signed(formats.ACTIVATION_BITS))
        m.d.sync += term.eq(self.term)
        wait = latency.BASIS - 1
        first = delayed(m, self.first, wait, "first")[-1]
        valid = delayed(m, self.valid, wait, "valid")[-1]
        bias = delayed(m, self.bias, wait, "bias")[-1]

        # Whatever is larger, or first, comes alone; it is added where sums are wanted.
        alone, adds = first | self.largest, first | ~self.largest

        for i, operand in enumerate(operands):
            cut = min(LOW_BITS, bits - 1)
            low = Signal(signed(cut + 1 + formats.ACTIVATION_BITS), name=f"low{i}")
            high = Signal(signed(bits - cut + formats.ACTIVATION_BITS), name=f"high{i}")
            product = Signal(signed(bits + formats.ACTIVATION_BITS), name=f"product{i}")
            total = Signal(signed(formats.OUTPUT_BITS), name=f"total{i}")
            m.d.sync += [
                low.eq(operand[:cut] * term),
                high.eq(operand[cut:].as_signed() * term),
                product.eq(Cat(low[:cut], high + (low >> cut)).as_signed()),
            ]
            larger = Signal(name=f"larger{i}")
            m.d.comb += larger.eq(product[:8].as_signed() > total[:8].as_signed())
            with m.If(valid & (adds | larger)):
                m.d.sync += total.eq(Mux(alone, bias, total) + product)
            m.d.comb += self.o.word_select(i, formats.OUTPUT_BITS).eq(total)
        return m

    def _sum(self, lane: int) -> Value | int:
        """The partial sum of a lane, zero beside the word."""
        bits = self._config.accumulator_bits
        return self.sums.word_select(lane, bits) if 0 <= lane < self._config.lanes else 0

    def _edge(self, lane: int) -> Value:
        """Whether a map row begins with that lane: its width, one bit that is set, divides the number."""
        return Cat(bit for j, bit in enumerate(self.row_width) if lane % (1 << j) == 0).any()
