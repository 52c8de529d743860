"""What LightNorm finds of channels, as numbers for the controller."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import Config
from golden.spec.controller import data_bits
from hw.learning.norm_passes import channel_found
from hw.learning.ports import report_item


class FoundReports(wiring.Component):
    """Two numbers for each channel, each a scalar as `scalar_report_record` has it.

    Throughput: a channel in the time of its two numbers; the unit does not wait as long as they leave before
    the next channel's.

    Members
    -------
    start: In, the next number goes to `first`.  i: In, stream of `channel_found`.
    o: Out, stream of `report_item`.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(
            {
                "start": In(1),
                "first": In(data_bits(config)),
                "i": In(stream.Signature(channel_found())),
                "o": Out(stream.Signature(report_item(config))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        held = Signal(channel_found())
        left = Signal(2)
        address = Signal(data_bits(self._config))
        number = Mux(left[1], held.first.as_value(), held.second.as_value())
        scalar = Signal(held.first.shape())
        m.d.comb += [
            scalar.eq(number),
            self.i.ready.eq(left == 0),
            self.o.valid.eq(left != 0),
            self.o.payload.address.eq(address),
            self.o.payload.word.eq(Cat(scalar.mantissa, scalar.sign, scalar.exponent)),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [held.eq(self.i.payload), left.eq(2)]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += [left.eq(left - 1), address.eq(address + 1)]
        with m.If(self.start):
            m.d.sync += address.eq(self.first)
        return m
