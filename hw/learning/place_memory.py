"""The places that codes of a coefficient stream have in the other stream."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.arithmetics import PAIR
from golden.spec.config import Config
from golden.spec.memories import entry_bits, memory_shape, place_record
from hw.interfaces import load_signature
from hw.parts.layouts import layout
from hw.parts.memory import columns


class PlaceMemory(wiring.Component):
    """A place for each entry, loaded in pairs, read one by one.

    Latency: one cycle from an entry to its place.  Throughput: one read per cycle.

    Parameters
    ----------
    number: its number on the load bus.

    Members
    -------
    load: load bus.  look: In, the place of `look_entry` is wanted.  word: Out, it, until the next read.
    """

    def __init__(self, config: Config, number: int) -> None:
        self._config, self._number = config, number
        super().__init__(
            {
                "load": In(load_signature(config)),
                "look": In(1),
                "look_entry": In(entry_bits(config)),
                "word": Out(layout(place_record(config))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shape = memory_shape(self._config, self._number)
        half = Signal()
        pair = Signal(shape.bits)
        m.d.sync += half.eq(self.look_entry[0])
        m.d.comb += self.word.eq(Mux(half, pair[shape.bits // PAIR :], pair[: shape.bits // PAIR]))
        for part, ram in columns(m, "pairs", shape.bits, shape.depth):
            write, read = ram.write_port(), ram.read_port()
            m.d.comb += [
                write.addr.eq(self.load.address),
                write.data.eq(self.load.data[part]),
                write.en.eq(self.load.valid & (self.load.memory == self._number)),
                read.addr.eq(self.look_entry[1:]),
                read.en.eq(self.look),
                pair[part].eq(read.data),
            ]
        return m
