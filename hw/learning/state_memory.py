"""The controller's data memory."""

from amaranth.hdl import Module
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import Config
from golden.spec.controller import WORD_BITS, data_bits
from golden.spec.memories import Memory
from hw.interfaces import load_signature
from hw.learning.ports import data_signature
from hw.parts.memory import UNORDERED


class StateMemory(wiring.Component):
    """Two ports: one reads, the other reads or writes. The loader goes first at the latter, then reports.

    Latency: a word comes a cycle after its address.  Throughput: one access a port.

    Members
    -------
    load: load bus, between runs.  report: In, a number that is written.
    addresses: In, of both ports.  put: In, `word` is written by the second one, if it is granted.
    holds: In, the word of the first one stays.
    grant: Out, the second port's address counts in this cycle.  words: Out, of both.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(
            {
                "load": In(load_signature(config)),
                "report": In(data_signature(config)),
                "addresses": In(data_bits(config)).array(2),
                "put": In(1),
                "holds": In(1),
                "word": In(WORD_BITS),
                "grant": Out(1),
                "words": Out(WORD_BITS).array(2),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.ram = ram = memory.Memory(
            shape=WORD_BITS, depth=self._config.controller_words, init=[], attrs=UNORDERED
        )
        write, *reads = ram.write_port(), ram.read_port(), ram.read_port()
        for read, address, word in zip(reads, self.addresses, self.words, strict=True):
            m.d.comb += [read.addr.eq(address), word.eq(read.data)]
        m.d.comb += [
            reads[0].en.eq(~self.holds),
            self.grant.eq(~self.report.valid),
            write.en.eq(self.put),
            write.data.eq(self.word),
            # One address for both makes them one port.
            write.addr.eq(reads[1].addr),
        ]
        with m.If(self.report.valid):
            m.d.comb += [
                write.en.eq(1),
                reads[1].addr.eq(self.report.address),
                write.data.eq(self.report.word),
            ]
        with m.If(self.load.valid & (self.load.memory == Memory.STATE)):
            m.d.comb += [write.en.eq(1), reads[1].addr.eq(self.load.address), write.data.eq(self.load.data)]
        return m
