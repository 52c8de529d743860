"""The basis stage: Σ terms × partial sums + bias, exactly, or the largest of the products."""

from amaranth.hdl import Array, Cat, Const, Module, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec import formats, latency
from golden.spec.config import Config
from golden.spec.memories import log2
from hw.parts.delay import delayed
from hw.parts.shared import Shared
from hw.writeback.basis_lane import BasisLane


def slice_bits(config: Config) -> int:
    """Width of the number of a slice: a group of `basis` lanes of a word."""
    return log2(config.lanes // config.basis)


class BasisStage(wiring.Component):
    """`basis` multiplier-accumulators for one slice of the lanes.

    Golden: `golden.machine` (section 3 of docs/machine.md).  Latency: `latency.BASIS` cycles from a term
    to the sum that holds it.  Throughput: one term per cycle.

    Members
    -------
    sums: In, `lanes` partial sums.  term: In, signed basis term.
    slice: In, which lanes.  column: In, 0, 1, 2: use the left neighbour's sum, the own, the right
        neighbour's (COLUMN; else 1). Both come a cycle before the sums.
    row_width: In, pixels of a map row, a power of two; still from two cycles before the layer's first sums.
        As `column`, only where the configuration has bases.
    valid: In, there is a term in this cycle.  first: In, it begins an output: `bias` plus its
    product; each term does where an output has but one.
    largest: In, still during a layer: a product with `bias` is not added; where its low byte is the larger
        one, it takes the place of the output. Only where the configuration has it.
    o: Out, `basis` signed outputs of OUTPUT_BITS bits.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(
            {
                "sums": In(config.lanes * config.accumulator_bits),
                "term": In(signed(formats.ACTIVATION_BITS)),
                "slice": In(slice_bits(config)),
                **({"column": In(2), "row_width": In(formats.LANES_BITS)} if config.bases else {}),
                "valid": In(1),
                **({"first": In(1)} if config.several_terms else {}),
                **({"largest": In(1)} if config.largest else {}),
                "bias": In(signed(formats.BIAS_BITS)),
                "o": Out(config.basis * formats.OUTPUT_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        basis, bits = config.basis, config.accumulator_bits
        slices = range(config.lanes // basis)

        # Partial sums of the slice, with a neighbour on each side, and whether a map row ends before each.
        # What chooses them is known before they come.
        chosen = Signal.like(self.slice)
        row_begins = Signal(config.lanes + 1)
        m.d.sync += chosen.eq(self.slice)
        if config.bases:
            m.d.sync += row_begins.eq(Cat(self._edge(lane) for lane in range(config.lanes + 1)))
        nearby = [
            Array(self._sum(place * basis + i) for place in slices)[chosen] for i in range(-1, basis + 1)
        ]
        edges = [
            Array(row_begins[place * basis + i] for place in slices)[self.slice] for i in range(basis + 1)
        ]
        term = Signal(signed(formats.ACTIVATION_BITS), reset_less=True)
        m.d.sync += term.eq(self.term)
        wait = latency.BASIS - 1
        several = config.several_terms
        first = delayed(m, self.first, wait, "first")[-1] if several else Const(1, 1)
        valid = delayed(m, self.valid, wait, "valid")[-1]
        bias = delayed(m, self.bias, wait, "bias")[-1]

        # Whatever is larger, or first, comes alone; it is added where sums are wanted.
        largest = self.largest if config.largest else Const(0)
        for i in range(basis):
            lane = BasisLane(bits, config.largest, config.bases)
            m.submodules[f"lane{i}"] = Shared(lane)
            if config.bases:
                m.d.comb += [
                    Cat(lane.left, lane.own, lane.right).eq(Cat(nearby[i : i + 3])),
                    Cat(lane.edge, lane.edge_right).eq(Cat(edges[i : i + 2])),
                    lane.column.eq(self.column),
                ]
            else:
                m.d.comb += lane.own.eq(nearby[i + 1])
            m.d.comb += [
                lane.term.eq(term),
                lane.valid.eq(valid),
                lane.alone.eq(first | largest),
                lane.adds.eq(first | ~largest),
                lane.bias.eq(bias),
                self.o.word_select(i, formats.OUTPUT_BITS).eq(lane.o),
            ]
        return m

    def _sum(self, lane: int) -> Value:
        """The partial sum of a lane, zero beside the word."""
        bits = self._config.accumulator_bits
        return self.sums.word_select(lane, bits) if 0 <= lane < self._config.lanes else Const(0, bits)

    def _edge(self, lane: int) -> Value:
        """Whether a map row begins with that lane: its width, one bit that is set, divides the number."""
        return Cat(bit for j, bit in enumerate(self.row_width) if lane % (1 << j) == 0).any()
