"""What the host wants to know of a step, written into the feature memory."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec import memories
from golden.spec.commands import REPORT_BITS, report_words
from golden.spec.config import Config
from hw.interfaces import access_signature


def report_item(config: Config) -> data.StructLayout:
    """A number for the host, and the first word that it goes to."""
    return data.StructLayout({"address": memories.feature_bits(config), "value": REPORT_BITS})


class ReportWriter(wiring.Component):
    """Writes numbers, each in so many words as it needs, the lowest byte first.

    Throughput: a word per cycle, as far as the memory is granted.

    Members
    -------
    i: In, stream of `report_item`.  port: Out.
    """

    i: stream.Interface

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(
            {"i": In(stream.Signature(report_item(config))), "port": Out(access_signature(config))}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        words = report_words(self._config.lanes)
        part = Signal(range(words))
        item = self.i.payload
        last = part == words - 1
        m.d.comb += [
            self.port.valid.eq(self.i.valid),
            self.port.write.eq(1),
            self.port.address.eq(item.address + part),
            self.port.data.eq(item.value.word_select(part, min(REPORT_BITS, self._config.lanes * 8))),
            self.i.ready.eq(self.port.grant & last),
        ]
        with m.If(self.i.valid & self.port.grant):
            m.d.sync += part.eq(part + 1)
            with m.If(last):
                m.d.sync += part.eq(0)
        return m
