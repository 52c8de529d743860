"""The operands of the basis stage: terms wait for their sums, sums for the terms that use them again."""

from amaranth.hdl import Module, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from golden.spec import latency
from golden.spec.config import Config
from hw.parts.delay import delayed
from hw.writeback.terms import operands_signature, reads_signature, terms_signature


class Operands(wiring.Component):
    """Keeps the sums of the group in hand, so that each is read from its engine once.

    Latency: `latency.OPERANDS` cycles for tokens and what comes with them.  Throughput: one term per cycle.

    Members
    -------
    i, reads: In, from the drain.  o: Out; the sums come one cycle after their token, like its term.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(
            {
                "i": In(terms_signature(config)),
                "reads": In(reads_signature(config)),
                "o": Out(operands_signature(config)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if self._config.several_terms:
            m.submodules.kept = kept = memory.Memory(
                shape=self._config.lanes * self._config.accumulator_bits, depth=4, init=[]
            )
            write = kept.write_port()
            read = kept.read_port(domain="comb")
            part = delayed(m, self.reads.part, latency.OPERANDS + latency.TERM, "part")
            m.d.comb += [
                write.addr.eq(part[latency.OPERANDS]),
                write.data.eq(self.reads.sums),
                write.en.eq(delayed(m, self.reads.read, latency.OPERANDS, "read")[-1]),
                read.addr.eq(part[-1]),
                self.o.sums.eq(read.data),
            ]
        else:
            held = Signal.like(self.reads.sums, reset_less=True)
            with m.If(delayed(m, self.reads.read, latency.OPERANDS, "read")[-1]):
                m.d.sync += held.eq(self.reads.sums)
            m.d.comb += self.o.sums.eq(held)
        for name in self.i.signature.members:
            value = delayed(m, getattr(self.i, name), latency.OPERANDS, name)
            m.d.comb += getattr(self.o, name).eq(value[-1])
        return m
