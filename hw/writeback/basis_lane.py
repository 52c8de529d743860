"""A multiplier-accumulator of the basis stage."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec import formats

DSP_BITS = 18
"""Signed factors of a DSP block (MULT18X18D and its like)."""

LOW_BITS = DSP_BITS - 1
"""Low bits of a partial sum that make a product of their own: unsigned, they fit a signed 18-bit factor."""


class BasisLane(wiring.Component):
    """o = bias or o, plus the product of a partial sum and a term; or the larger of o and the product.

    Golden: `golden.machine` (section 3 of docs/machine.md).  Latency: `latency.BASIS` cycles from a
    partial sum to the output that holds it.  Throughput: one product per cycle.

    Each product is made of two, since that is how wide a DSP block is, with registers before and behind
    them and a stage of its own for their sum.

    Parameters
    ----------
    bits: of a partial sum.
    largest: products may take the place of the output.
    bases: sums of neighbours may be taken, in `column`; else the own ones are.

    Members
    -------
    left, own, right: In, the partial sums of the lane and its neighbours.
    column: In, which it is: 0, 1, 2.  edge, edge_right: In, a map row begins with this lane, with its right
    neighbour: there is no neighbour. All three come a cycle before the sums. Without `bases`: own alone.
    term: In, one cycle after the partial sums.
    valid, alone, adds: In, with the product's sum: there is one; it comes alone, with `bias`, or is added;
    else it takes the place of the output where its low byte is larger.  bias: In.
    """

    def __init__(self, bits: int, largest: bool = True, bases: bool = True) -> None:
        self._bits = bits
        self._largest = largest
        self._bases = bases
        super().__init__(
            {
                **({"left": In(bits)} if bases else {}),
                "own": In(bits),
                **({"right": In(bits), "column": In(2), "edge": In(1), "edge_right": In(1)} if bases else {}),
                "term": In(signed(formats.ACTIVATION_BITS)),
                "valid": In(1),
                "alone": In(1),
                "adds": In(1),
                "bias": In(signed(formats.BIAS_BITS)),
                "o": Out(signed(formats.OUTPUT_BITS)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = self._bits
        # What is not valid changes nothing, so data need no reset.
        operand = Signal(bits, reset_less=True)
        m.d.sync += operand.eq(self._chosen(m) if self._bases else self.own)
        cut = min(LOW_BITS, bits - 1)
        low = Signal(signed(cut + 1 + formats.ACTIVATION_BITS), reset_less=True)
        high = Signal(signed(bits - cut + formats.ACTIVATION_BITS), reset_less=True)
        product = Signal(signed(bits + formats.ACTIVATION_BITS), reset_less=True)
        m.d.sync += [
            low.eq(operand[:cut] * self.term),
            high.eq(operand[cut:].as_signed() * self.term),
            product.eq(Cat(low[:cut], high + (low >> cut)).as_signed()),
        ]
        larger = Signal()
        if self._largest:
            m.d.comb += larger.eq(product[:8].as_signed() > self.o[:8].as_signed())
        with m.If(self.valid & (self.adds | larger)):
            m.d.sync += self.o.eq(Mux(self.alone, self.bias, self.o) + product)
        return m

    def _chosen(self, m: Module) -> Value:
        """The partial sum that `column` names."""
        # 0: outside the row, 1: left, 2: right, 3: own; so coded that a bit takes two LUTs.
        choice = Signal(2)
        with m.If(self.column == 0):
            m.d.sync += choice.eq(Mux(self.edge, 0, 1))
        with m.Elif(self.column == 2):
            m.d.sync += choice.eq(Mux(self.edge_right, 0, 2))
        with m.Else():
            m.d.sync += choice.eq(3)
        return Mux(choice[1], Mux(choice[0], self.own, self.right), Mux(choice[0], self.left, 0))
