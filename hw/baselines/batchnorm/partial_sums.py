"""When the accumulators begin and end, and what is left in them."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.baselines.batchnorm.add import ADD_LATENCY
from hw.baselines.batchnorm.layouts import sums
from hw.baselines.batchnorm.pack import FLOAT_BITS
from hw.parts.delay import delayed


class PartialSums(wiring.Component):
    """Guides the two accumulators and keeps what a channel leaves in them: two partial sums each.

    Golden: `golden.baselines.batchnorm.unit.total`, all but its last addition.  Latency: `cycles` +
    `ADD_LATENCY`, `ADD_LATENCY` more for late beats.

    Parameters
    ----------
    cycles: from a beat to its arrival at the accumulators.

    Members
    -------
    advance: In, the registers move.  valid, first, last: In, a beat and its place in the channel.
    late: In, beats come to the accumulators `ADD_LATENCY` cycles later; stands still while `busy`.
    add: Out, what arrives counts.  fresh: Out, what comes back from the accumulator is of another channel.
    products, gradients: In, outputs of the accumulators.  o: stream of `sums`.
    busy: Out, beats or sums are here.  blocked: Out, nothing may advance: sums have not been taken.
    """

    o: stream.Interface

    def __init__(self, cycles: int) -> None:
        self._cycles = cycles
        flags = ("advance", "valid", "first", "last", "late")
        super().__init__(
            {
                **dict.fromkeys(flags, In(1)),
                "add": Out(1),
                "fresh": Out(1),
                "products": In(FLOAT_BITS),
                "gradients": In(FLOAT_BITS),
                "o": Out(stream.Signature(sums())),
                "busy": Out(1),
                "blocked": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        tag = Cat(self.valid, self.valid & self.first, self.valid & self.last)
        tags = delayed(m, tag, self._cycles + 2 * ADD_LATENCY, "tag", self.advance)

        def arrived(cycles: int) -> tuple[Signal, Signal, Signal]:
            """(valid, first, last) of the beat that came to the accumulators so many cycles ago."""
            at = self._cycles + cycles
            chosen = Signal(3, name=f"arrived{cycles}")
            m.d.comb += chosen.eq(Mux(self.late, tags[at + ADD_LATENCY], tags[at]))
            return chosen[0], chosen[1], chosen[2]

        recent = [arrived(cycles) for cycles in range(ADD_LATENCY + 1)]
        before_last, done = recent[ADD_LATENCY - 1], recent[ADD_LATENCY]
        m.d.comb += [
            self.add.eq(recent[0][0]),
            self.fresh.eq(Cat(first for _, first, _ in recent[:ADD_LATENCY]).any()),
            self.blocked.eq(before_last[2] & self.o.valid),
            self.busy.eq(Cat(tag[0] for tag in tags[1:]).any() | self.o.valid),
        ]
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(self.advance & before_last[2]):
            # The other partial sum leaves first; a channel of one beat has none.
            for name in ("products", "gradients"):
                m.d.sync += self.o.payload[name][1].eq(Mux(before_last[1], 0, getattr(self, name)))
        with m.If(self.advance & done[2]):
            m.d.sync += self.o.valid.eq(1)
            for name in ("products", "gradients"):
                m.d.sync += self.o.payload[name][0].eq(getattr(self, name))
        return m
