"""The row window: the last input rows, shared by all engines."""

from amaranth.hdl import Module, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import Config
from golden.spec.memories import log2


def row_bits(config: Config) -> int:
    """Width of a row number: rows are counted modulo twice the window, so that full ≠ empty."""
    return log2(config.window) + 1


def row_signature(config: Config) -> wiring.Signature:
    """A row on its way into the window.

    data: `lanes` bytes.  marker: the row ends a job and has no data.  rewind: (marker) the job's
    block of coefficients is read once more.
    """
    return wiring.Signature(
        {"valid": Out(1), "data": Out(config.lanes * 8), "marker": Out(1), "rewind": Out(1)}
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
    zero, marker, rewind: Out, one bit per place; `zero` if all bytes of a row are zero.
    place: In, per engine, the place to read.  row: Out, per engine, its bytes, combinationally.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(
            {
                "push": In(row_signature(config)),
                "start": In(1),
                "written": Out(row_bits(config)),
                "zero": Out(config.window),
                "marker": Out(config.window),
                "rewind": Out(config.window),
                "place": In(log2(config.window)).array(config.engines),
                "row": Out(config.lanes * 8).array(config.engines),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        place = Signal(log2(self._config.window))
        m.d.comb += place.eq(self.written)
        with m.If(self.push.valid):
            m.d.sync += [
                self.written.eq(self.written + 1),
                self.zero.bit_select(place, 1).eq((self.push.data == 0) & ~self.push.marker),
                self.marker.bit_select(place, 1).eq(self.push.marker),
                self.rewind.bit_select(place, 1).eq(self.push.rewind),
            ]
        with m.If(self.start):
            m.d.sync += self.written.eq(0)
        for engine in range(self._config.engines):
            rows = memory.Memory(shape=self._config.lanes * 8, depth=self._config.window, init=[])
            m.submodules[f"rows{engine}"] = rows
            write = rows.write_port()
            read = rows.read_port(domain="comb")
            m.d.comb += [
                write.addr.eq(place),
                write.data.eq(self.push.data),
                write.en.eq(self.push.valid),
                read.addr.eq(self.place[engine]),
                self.row[engine].eq(read.data),
            ]
        return m
