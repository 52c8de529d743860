"""The row window: the last input rows, shared by all engines."""

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In

from golden.spec.config import Config
from golden.spec.memories import log2
from hw.interfaces import FLAGS, bytes_signature, flags_signature, row_bits, row_signature


class RowWindow(wiring.Component):
    """Holds `window` rows; row n lies in place n mod window. The fetch unit keeps it from overflowing.

    Latency: a row may be read in the cycle after it was pushed.  Throughput: one row per cycle in,
    one per engine and cycle out.

    Members
    -------
    push: In, the next row.
    start: In, forget everything.
    ahead, rows: In, per engine.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(
            {
                "push": In(row_signature(config)),
                "start": In(1),
                "ahead": In(flags_signature(config)).array(config.engines),
                "rows": In(bytes_signature(config)).array(config.engines),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        written = Signal(row_bits(self._config))
        place = Signal(log2(self._config.window))
        m.d.comb += place.eq(written)
        with m.If(self.push.valid):
            m.d.sync += written.eq(written + 1)
        with m.If(self.start):
            m.d.sync += written.eq(0)
        flags = Signal(FLAGS)
        m.d.comb += [
            flags.zero.eq(~self.push.busy.any() & ~self.push.marker),
            flags.marker.eq(self.push.marker),
            flags.rewind.eq(self.push.rewind),
        ]

        def held(name: str, word: Value) -> memory.Memory:
            """A memory with a word for each place, written with each push."""
            m.submodules[name] = ram = memory.Memory(shape=len(word), depth=self._config.window, init=[])
            write = ram.write_port()
            m.d.comb += [write.addr.eq(place), write.data.eq(word), write.en.eq(self.push.valid)]
            return ram

        for number, (ahead, rows) in enumerate(zip(self.ahead, self.rows, strict=True)):
            read = held(f"rows{number}", self.push.data).read_port(domain="comb")
            m.d.comb += [ahead.written.eq(written), read.addr.eq(rows.place), rows.bytes.eq(read.data)]
            of_rows = held(f"flags{number}", flags.as_value())
            for look, found in zip(ahead.look, ahead.flags, strict=True):
                read = of_rows.read_port(domain="comb")
                m.d.comb += [read.addr.eq(look), found.eq(read.data)]
        return m
