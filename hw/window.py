"""The row window: the last input rows, shared by all engines."""

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import Config
from golden.spec.memories import log2

FLAGS = data.StructLayout({"zero": 1, "marker": 1, "rewind": 1})
"""Of a row in the window: all its bytes are zero, and it is no marker; `row_signature` has the others."""


def row_bits(config: Config) -> int:
    """Width of a row number: rows are counted modulo twice the window, so that full ≠ empty."""
    return log2(config.window) + 1


def row_signature(config: Config) -> wiring.Signature:
    """A row on its way into the window.

    data: `lanes` bytes.  busy: per lane, its byte is not zero.  marker: the row ends a job and has no data.
    rewind: (marker) the job's block of coefficients is read once more.
    """
    return wiring.Signature(
        {
            "valid": Out(1),
            "data": Out(config.lanes * 8),
            "busy": Out(config.lanes),
            "marker": Out(1),
            "rewind": Out(1),
        }
    )


class RowWindow(wiring.Component):
    """Holds `window` rows; row n lies in place n mod window. The fetch unit keeps it from overflowing.

    Latency: a row may be read in the cycle after it was pushed.  Throughput: one row per cycle in,
    one per engine and cycle out.

    Members
    -------
    push: In, the next row.
    start: In, forget everything.
    written: Out, rows pushed since the start, modulo twice the window.
    place: In, per engine, the place to read.  row: Out, per engine, its bytes, combinationally.
    look: In, per engine, two places.  flags: Out, of the rows in them, combinationally.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(
            {
                "push": In(row_signature(config)),
                "start": In(1),
                "written": Out(row_bits(config)),
                "place": In(log2(config.window)).array(config.engines),
                "row": Out(config.lanes * 8).array(config.engines),
                "look": In(log2(config.window)).array(config.engines, 2),
                "flags": Out(FLAGS).array(config.engines, 2),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        place = Signal(log2(self._config.window))
        m.d.comb += place.eq(self.written)
        with m.If(self.push.valid):
            m.d.sync += self.written.eq(self.written + 1)
        with m.If(self.start):
            m.d.sync += self.written.eq(0)
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

        for engine in range(self._config.engines):
            read = held(f"rows{engine}", self.push.data).read_port(domain="comb")
            m.d.comb += [read.addr.eq(self.place[engine]), self.row[engine].eq(read.data)]
            of_rows = held(f"flags{engine}", flags.as_value())
            for look, found in zip(self.look[engine], self.flags[engine], strict=True):
                read = of_rows.read_port(domain="comb")
                m.d.comb += [read.addr.eq(look), found.eq(read.data)]
        return m
