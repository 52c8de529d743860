"""The sum of what the lanes of an engine add."""

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import Config
from golden.spec.memories import log2
from hw.engine.shift_add import ADDEND_BITS


class LaneTree(wiring.Component):
    """Adds up the addends of all lanes with their carries; an adder takes two lanes and one carry.

    Latency: log2(lanes) cycles.  Throughput: one sum per cycle.

    Members
    -------
    addend, carry: In, of each lane.
    sum, rest: Out, sum + rest is Σ addend + carry; the last carry is left to the next adder.
    """

    def __init__(self, config: Config) -> None:
        self._lanes = config.lanes
        super().__init__(
            {
                "addend": In(signed(ADDEND_BITS)).array(config.lanes),
                "carry": In(1).array(config.lanes),
                "sum": Out(signed(ADDEND_BITS + log2(config.lanes))),
                "rest": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        nodes = [(self.addend[lane], self.carry[lane]) for lane in range(self._lanes)]
        level = 0
        while len(nodes) > 1:
            level += 1
            above = []
            for number, ((one, carry), (other, rest)) in enumerate(zip(nodes[::2], nodes[1::2], strict=True)):
                total = Signal(signed(ADDEND_BITS + level), name=f"sum{level}_{number}")
                left = Signal(name=f"rest{level}_{number}")
                m.d.sync += [total.eq(one + other + carry), left.eq(rest)]
                above.append((total, left))
            nodes = above
        m.d.comb += [self.sum.eq(nodes[0][0]), self.rest.eq(nodes[0][1])]
        return m
