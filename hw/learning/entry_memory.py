"""A memory with a word for each entry of a coefficient stream."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.arithmetics import PAIR
from golden.spec.config import Config
from golden.spec.memories import entry_bits, log2, memory_shape
from hw.interfaces import load_signature
from hw.parts.memory import columns


class EntryMemory(wiring.Component):
    """Words of single entries, loaded in pairs; read in pairs or one by one, written one by one.

    Latency: one cycle from an address to what stands there.  Throughput: one read and one write per cycle.

    Parameters
    ----------
    number: its number on the load bus.  bits: of a word; the lowest ones of its half of a word that is
    loaded.

    Members
    -------
    load: load bus.  address, data: the words of a pair.  enable: In, else `data` stay as they are.
    look: In, the read is of the entry `look_entry`, whatever `address` and `enable` say.  word: Out, its
    word, until the next read.
    write: In, the entry `write_entry` gets `write_word`; not while any memory is loaded, so that all choose
    alike between what is loaded and what is written.
    """

    def __init__(self, config: Config, number: int, bits: int) -> None:
        self._config, self._number, self._bits = config, number, bits
        super().__init__(
            {
                "load": In(load_signature(config)),
                "address": In(log2(config.coefficient_words)),
                "enable": In(1),
                "data": Out(bits).array(PAIR),
                "look": In(1),
                "look_entry": In(entry_bits(config)),
                "word": Out(bits),
                "write": In(1),
                "write_entry": In(entry_bits(config)),
                "write_word": In(bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shape = memory_shape(self._config, self._number)
        address = Signal.like(self.address)
        loads = self.load.valid & (self.load.memory == self._number)
        m.d.comb += address.eq(Mux(self.look, self.look_entry[1:], self.address))
        for half in range(PAIR):
            loaded = self.load.data.word_select(half, shape.bits // PAIR)[: self._bits]
            word = Mux(self.load.valid, loaded, self.write_word)
            for part, ram in columns(m, f"half{half}", self._bits, shape.depth):
                write, read = ram.write_port(), ram.read_port()
                m.d.comb += [
                    write.addr.eq(Mux(self.load.valid, self.load.address, self.write_entry[1:])),
                    write.data.eq(word[part]),
                    write.en.eq(loads | (self.write & (self.write_entry[0] == half))),
                    read.addr.eq(address),
                    read.en.eq(self.enable | self.look),
                    self.data[half][part].eq(read.data),
                ]
        half_read = Signal()
        m.d.sync += half_read.eq(self.look_entry[0])
        m.d.comb += self.word.eq(Mux(half_read, self.data[1], self.data[0]))
        return m
