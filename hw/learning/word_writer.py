"""Beats of a few bytes become words of the feature memory."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import Config
from golden.spec.memories import feature_bits


class WordWriter(wiring.Component):
    """Writes words from an address on, one after the other, in its turns.

    Golden: none.  Throughput: a beat a cycle, a word for each turn.  Latency: a word asks in the first turn
    after its last beat.

    Parameters
    ----------
    config: lanes bytes make a word, basis of them a beat.

    Members
    -------
    start: In, `first` is the address of the next word.
    valid, bytes: In, a beat, the first one the word's lowest bytes; it is taken unless `hold`.
    hold: Out, a word is complete, and the one before it still waits.
    turn: In, this cycle may ask.
    ask, address, data: Out, a write.  grant: In, in the same cycle.  empty: Out, no word waits.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(
            {
                "start": In(1),
                "first": In(feature_bits(config)),
                "valid": In(1),
                "bytes": In(config.basis * 8),
                "hold": Out(1),
                "turn": In(1),
                "ask": Out(1),
                "address": Out(feature_bits(config)),
                "data": Out(config.lanes * 8),
                "grant": In(1),
                "empty": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        size, bits = self._config.basis * 8, self._config.lanes * 8
        beats = bits // size
        full, ends = Signal(), Signal()
        place = Signal(range(beats))
        # All of a word but its last beat, which goes to `data` at once.
        part = Signal(bits - size, reset_less=True)
        m.d.comb += [
            ends.eq(place == beats - 1),
            self.hold.eq(self.valid & ends & full),
            self.ask.eq(self.turn & full),
            self.empty.eq(~full),
        ]
        with m.If(self.ask & self.grant):
            m.d.sync += [full.eq(0), self.address.eq(self.address + 1)]
        with m.If(self.valid & ~self.hold):
            m.d.sync += place.eq(place + 1)
            with m.If(ends):
                m.d.sync += [self.data.eq(Cat(part, self.bytes)), full.eq(1), place.eq(0)]
            with m.Else():
                m.d.sync += part.eq(Cat(part, self.bytes)[size:])
        with m.If(self.start):
            m.d.sync += self.address.eq(self.first)
        return m
