"""Keeps a channel's words still while its beats go by."""

from amaranth.hdl import Module, ShapeLike, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out


class Held(wiring.Component):
    """Beats with the words of their channel: one payload of `words` for all beats up to a `last`.

    Throughput: one beat per cycle; the next channel's words may come while the last beat goes.
    Latency: none.

    Parameters
    ----------
    shape: of a beat.  words: shape of the words.

    Members: i: stream of beats.  last: In, the beat at `i` ends its channel.  words: stream of words.
    o: stream of both, `beat` and `words`.
    """

    i: stream.Interface
    words: stream.Interface
    o: stream.Interface

    def __init__(self, shape: ShapeLike, words: ShapeLike) -> None:
        both = data.StructLayout({"beat": shape, "words": words})
        super().__init__(
            {
                "i": In(stream.Signature(shape)),
                "words": In(stream.Signature(words)),
                "last": In(1),
                "o": Out(stream.Signature(both)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        full = Signal()
        kept = Signal.like(self.words.payload)
        ends = Signal()
        m.d.comb += [
            ends.eq(self.o.valid & self.o.ready & self.last),
            self.o.valid.eq(self.i.valid & full),
            self.i.ready.eq(self.o.ready & full),
            self.o.payload.beat.eq(self.i.payload),
            self.o.payload.words.eq(kept),
            self.words.ready.eq(~full | ends),
        ]
        with m.If(self.words.ready):
            m.d.sync += full.eq(self.words.valid)
            with m.If(self.words.valid):
                m.d.sync += kept.eq(self.words.payload)
        return m
