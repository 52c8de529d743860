"""The coefficient memory of an engine that learns: codes can be written one by one."""

from typing import Any

from amaranth.hdl import Cat, Module
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.spec import formats
from golden.spec.arithmetics import PAIR, coefficient_record
from golden.spec.config import Config
from golden.spec.memories import Memory, entry_bits, log2
from hw.interfaces import load_signature
from hw.learning.entry_memory import EntryMemory
from hw.parts.layouts import layout
from hw.parts.memory import UNORDERED


class PairMemory(wiring.Component):
    """Pairs of entries as the loader writes them. Codes lie in a memory of their own, slots and advances in
    another.

    Latency: the pair of an address one cycle later.  Throughput: one read and one write per cycle.

    Members
    -------
    load: load bus.  address, enable, data: read port, as in `LoadedMemory`.
    look, look_entry, word, write, write_entry, write_word: of single codes, as in `EntryMemory`. After a look
    `data` are of no use.
    """

    def __init__(self, config: Config, engine: int) -> None:
        self._config = config
        self._number = Memory.COEFFICIENT + engine
        super().__init__(
            {
                "load": In(load_signature(config)),
                "address": In(log2(config.coefficient_words)),
                "enable": In(1, init=1),
                "data": Out(data.ArrayLayout(layout(coefficient_record(config)), PAIR)),
                "look": In(1),
                "look_entry": In(entry_bits(config)),
                "word": Out(formats.CODE_BITS),
                "write": In(1),
                "write_entry": In(entry_bits(config)),
                "write_word": In(formats.CODE_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        m.submodules.codes = codes = EntryMemory(config, self._number, formats.CODE_BITS)
        wiring.connect(m, wiring.flipped(self.load), codes.load)
        for name in ("address", "enable", "look", "look_entry", "write", "write_entry", "write_word"):
            m.d.comb += getattr(codes, name).eq(getattr(self, name))
        m.d.comb += self.word.eq(codes.word)

        def rest(pair: Any) -> Cat:
            return Cat(pair[half][name] for half in range(PAIR) for name in ("slot", "advance"))

        pair = data.View(self.data.shape(), self.load.data[: self.data.shape().size])
        m.submodules.rest = ram = memory.Memory(
            shape=len(rest(pair)), depth=config.coefficient_words, init=[], attrs=UNORDERED
        )
        write, read = ram.write_port(), ram.read_port()
        m.d.comb += [
            write.addr.eq(self.load.address),
            write.data.eq(rest(pair)),
            write.en.eq(self.load.valid & (self.load.memory == self._number)),
            read.addr.eq(self.address),
            read.en.eq(self.enable),
            rest(self.data).eq(read.data),
            *(self.data[half].code.eq(codes.data[half]) for half in range(PAIR)),
        ]
        return m
