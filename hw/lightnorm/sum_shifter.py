"""A channel's sums on their way into its arithmetic, a bit at a time."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.block import NormFormat
from hw.lightnorm.sums_layouts import sums_layout


class SumShifter(wiring.Component):
    """Gives the sums of a channel bit by bit, lowest bit first.

    Forward: total, ranges and width, one after the other, as one chain.  Backward: `total`, which may
    turn around, and `product` beside it; both repeat their sign.  Latency: bits are there in the cycle
    after `load` or a shift.

    Parameters
    ----------
    fmt: number formats.  index_bits: as STAT's and REDUCE's.

    Members
    -------
    load: In, takes `sums`, of the pass `backward`.  backward: In, stands still until the next load.
    shift_low: In, total (forward: all) moves.  shift_high: In, product moves.  turn: In, total goes around.
    low, high: Out, lowest bits of total and product.
    """

    load: Signal
    backward: Signal
    sums: data.View
    shift_low: Signal
    shift_high: Signal
    turn: Signal
    low: Signal
    high: Signal

    def __init__(self, fmt: NormFormat, index_bits: int) -> None:
        self._layout = sums_layout(fmt, index_bits)
        ports = {name: In(1) for name in ("load", "backward", "shift_low", "shift_high", "turn")}
        super().__init__({**ports, "sums": In(self._layout), "low": Out(1), "high": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        stat, reduce = self.sums.stat, self.sums.reduce
        forward = Cat(stat.total, stat.ranges, stat.width)
        backward = Cat(reduce.total, reduce.product)
        split, end = len(reduce.total), len(backward)
        bits = Signal(max(len(forward), end))
        low, high = bits[:split], bits[split:]
        sign = Mux(self.turn, bits[0], low[-1])
        following = Cat(
            high[1 : end - split], Mux(self.backward, bits[end - 1], bits[end:][:1]), bits[end + 1 :]
        )
        m.d.comb += [self.low.eq(bits[0]), self.high.eq(high[0])]
        with m.If(self.load):
            m.d.sync += bits.eq(Mux(self.backward, backward, forward))
        with m.Else():
            with m.If(self.shift_low):
                m.d.sync += low.eq(Cat(low[1:], Mux(self.backward, sign, high[0])))
            with m.If(Mux(self.backward, self.shift_high, self.shift_low)):
                m.d.sync += high.eq(following)
        return m
