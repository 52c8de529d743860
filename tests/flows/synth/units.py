"""Circuits whose cells can be counted by hand."""

from amaranth.hdl import Module
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out


class Sum(wiring.Component):
    """o += i, 8 bits: 8 flip-flops and an adder of 8 bits."""

    def __init__(self) -> None:
        super().__init__({"i": In(8), "o": Out(8)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.sync += self.o.eq(self.o + self.i)
        return m


class Product(wiring.Component):
    """o = a · b, registered: one multiplier of 12 × 12 bits."""

    def __init__(self) -> None:
        super().__init__({"a": In(12), "b": In(12), "o": Out(24)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.sync += self.o.eq(self.a * self.b)
        return m


class Ram(wiring.Component):
    """A memory with one write port and one read port, of the domain `read`."""

    def __init__(self, words: int, bits: int, read: str) -> None:
        self._words, self._bits, self._read = words, bits, read
        address = (words - 1).bit_length()
        super().__init__({"address": In(address), "write": In(1), "data": In(bits), "o": Out(bits)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.ram = ram = memory.Memory(shape=self._bits, depth=self._words, init=[])
        write = ram.write_port()
        read = ram.read_port(domain=self._read)
        m.d.comb += [
            write.addr.eq(self.address),
            write.data.eq(self.data),
            write.en.eq(self.write),
            read.addr.eq(self.address),
            self.o.eq(read.data),
        ]
        return m


class Parts(wiring.Component):
    """Three blocks: an adder ("basis"), a large memory ("features"), a small one ("window")."""

    def __init__(self) -> None:
        super().__init__({"i": In(8), "write": In(1), "sum": Out(8), "large": Out(8), "small": Out(4)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.basis = adder = Sum()
        m.submodules.features = large = Ram(256, 8, "sync")
        m.submodules.window0 = small = Ram(16, 4, "comb")
        m.d.comb += [
            adder.i.eq(self.i),
            self.sum.eq(adder.o),
            *(ram.address.eq(self.i) for ram in (large, small)),
            *(ram.data.eq(adder.o) for ram in (large, small)),
            *(ram.write.eq(self.write) for ram in (large, small)),
            self.large.eq(large.o),
            self.small.eq(small.o),
        ]
        return m
