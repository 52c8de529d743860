"""How many of the controller's int8 were beyond the borders that move a scale."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.controller import COUNT_BITS


class ScaleCounts(wiring.Component):
    """Counts what walks round to int8, for COUNTS.

    Golden: `golden.machine.controller`.  Latency: a value is in `both` in the next cycle.  Throughput: one
    per cycle.

    Members
    -------
    clear: In, both counts begin anew.  valid: In, a value; saturated, large: In, it was beyond ±127, ±63.
    both: Out, the count of the former, and above it that of the latter.
    """

    def __init__(self) -> None:
        ports = dict.fromkeys(("clear", "valid", "saturated", "large"), In(1))
        super().__init__({**ports, "both": Out(2 * COUNT_BITS)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        counts = []
        for name, hit in (("beyond", self.saturated), ("half", self.large)):
            count = Signal(COUNT_BITS, name=name)
            with m.If(self.clear):
                m.d.sync += count.eq(0)
            with m.Elif(self.valid):
                m.d.sync += count.eq(count + hit)
            counts.append(count)
        m.d.comb += self.both.eq(Cat(counts))
        return m
