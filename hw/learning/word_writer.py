"""Beats of a few bytes become words of the feature memory."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import Config
from golden.spec.memories import feature_bits


class WordWriter(wiring.Component):
    """Writes words from an address on, in its turns.

    Golden: none.  Throughput: a beat a cycle, a word for each turn.  Latency: a word asks in the first turn
    after its last beat.

    Parameters
    ----------
    config: lanes bytes make a word, basis of them a beat.

    Members
    -------
    start: In, `first` is the address of the next word.  step: In, from it to that of the word behind.
    valid, bytes: In, a beat, the first one the word's lowest bytes; taken unless `hold`, else it stands.
    coming: In, the next cycle has a beat, if this one is taken or there is none.
    hold: Out, a word is complete, and the one before it still waits; a register.
    turn: In, this cycle may ask.
    ask, address, data: Out, a write.  grant: In, in the same cycle.  empty: Out, no word waits.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(
            {
                "start": In(1),
                "first": In(feature_bits(config)),
                "step": In(feature_bits(config)),
                "valid": In(1),
                "coming": In(1),
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
        full, ends, taken, granted = Signal(), Signal(), Signal(), Signal()
        place, following = Signal(range(beats)), Signal(range(beats))
        # All of a word but its last beat, which goes to `data` at once.
        part = Signal(bits - size, reset_less=True)
        m.d.comb += [
            ends.eq(place == beats - 1),
            taken.eq(self.valid & ~self.hold),
            granted.eq(self.ask & self.grant),
            following.eq(Mux(taken, Mux(ends, 0, place + 1), place)),
            self.ask.eq(self.turn & full),
            self.empty.eq(~full),
        ]
        m.d.sync += [
            place.eq(following),
            self.hold.eq(
                (self.hold | self.coming) & (following == beats - 1) & ((taken & ends) | (full & ~granted))
            ),
        ]
        with m.If(granted):
            m.d.sync += [full.eq(0), self.address.eq(self.address + self.step)]
        with m.If(taken):
            with m.If(ends):
                m.d.sync += [self.data.eq(Cat(part, self.bytes)), full.eq(1)]
            with m.Else():
                m.d.sync += part.eq(Cat(part, self.bytes)[size:])
        with m.If(self.start):
            m.d.sync += self.address.eq(self.first)
        return m
