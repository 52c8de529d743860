"""RAMs, made in one place: inferred for FPGAs, to be replaced by macros for ASICs.

No memory relies on its contents at power-up.
"""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.spec import memories
from golden.spec.config import Config
from golden.spec.memories import MemoryShape, memory_shape
from hw.interfaces import bank_signature, load_signature, port_signature

UNORDERED = {"no_rw_check": 1}
"""For Yosys: nobody reads a word in the cycle in which it is written, so what that gives is not built."""


_BLOCK_BITS = 1 << 14
"""Of a block RAM, without those that words of 9 bits or more have besides."""


def columns(m: Module, name: str, bits: int, depth: int) -> list[tuple[slice, memory.Memory]]:
    """Memories that hold words of `bits` bits side by side, each as wide as a block RAM of that depth, so
    that none has a multiplexer behind it; for deep memories, whose words are few block RAMs wide.

    Returns the bits of each with its memory, a submodule whose name begins with `name`.
    """
    width = max(1, _BLOCK_BITS // depth)
    width = width if width < 8 else width * 9 // 8
    parts = [slice(start, min(start + width, bits)) for start in range(0, bits, width)]
    rams = [
        memory.Memory(shape=part.stop - part.start, depth=depth, init=[], attrs=UNORDERED) for part in parts
    ]
    for number, ram in enumerate(rams):
        m.submodules[f"{name}_{number}"] = ram
    return list(zip(parts, rams, strict=True))


class LoadedMemory(wiring.Component):
    """A memory that the loader writes and one unit reads.

    Latency: the word of an address one cycle later.  Throughput: one read per cycle, one write.

    Parameters
    ----------
    number: its number on the load bus.
    layout: structure of a word.

    Members
    -------
    load: load bus; words for other numbers are ignored.
    address, data: read port.  enable: In, else `data` stay as they are; 1 where left open.
    """

    def __init__(self, config: Config, number: int, layout: data.Layout) -> None:
        self._number = number
        self._shape: MemoryShape = memory_shape(config, number)
        self._layout = layout
        super().__init__(
            {
                "load": In(load_signature(config)),
                "address": In(memories.log2(self._shape.depth)),
                "enable": In(1, init=1),
                "data": Out(layout),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.ram = ram = memory.Memory(
            shape=self._shape.bits, depth=self._shape.depth, init=[], attrs=UNORDERED
        )
        write = ram.write_port()
        read = ram.read_port()
        m.d.comb += [
            write.addr.eq(self.load.address),
            write.data.eq(self.load.data),
            write.en.eq(self.load.valid & (self.load.memory == self._number)),
            read.addr.eq(self.address),
            read.en.eq(self.enable),
            self.data.eq(read.data),
        ]
        return m


class FeatureMemory(wiring.Component):
    """Activations: one byte-wide bank per lane.

    Port A reads any `lanes` consecutive bytes, in the order of banks, to be turned by
    `hw.parts.rotate`. Port B reads or writes one word.

    Latency: one cycle for reads.  Throughput: one access per port and cycle.

    Members
    -------
    rows: In, port A.  port: In, port B.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__({"rows": In(bank_signature(config)), "port": In(port_signature(config))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for lane in range(self._config.lanes):
            ram = memory.Memory(shape=8, depth=self._config.feature_words, init=[], attrs=UNORDERED)
            m.submodules[f"bank{lane}"] = ram
            read = ram.read_port()
            read_b = ram.read_port()
            write = ram.write_port()
            after = Signal(name=f"after{lane}")
            m.d.comb += [
                after.eq(lane < self.rows.rotation),
                read.addr.eq(self.rows.word),
                self.rows.data.word_select(lane, 8).eq(read.data),
                read_b.addr.eq(self.port.address),
                self.port.read.word_select(lane, 8).eq(read_b.data),
                write.addr.eq(self.port.address),
                write.data.eq(self.port.write.word_select(lane, 8)),
                write.en.eq(self.port.enable[lane]),
            ]
            with m.If(after):
                m.d.comb += read.addr.eq(self.rows.next_word)
        return m
