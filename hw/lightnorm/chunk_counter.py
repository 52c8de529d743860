"""Where a beat is in its channel and its chunk."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

CHUNK_BITS = 7
"""Up to 64 chunks a channel."""


def place_layout(index_bits: int) -> data.StructLayout:
    """The place of a beat.

    first, last: of its channel.  begins, ends: of its chunk.  initial: its chunk is the channel's first.
    beat: its number in the channel.
    """
    return data.StructLayout(
        {"first": 1, "last": 1, "begins": 1, "ends": 1, "initial": 1, "beat": index_bits}
    )


class ChunkCounter(wiring.Component):
    """Counts beats and chunks; every chunk but the last has `chunk_beats` beats.

    Golden: `golden.spec.block.Chunks`.  Latency: none; `o` speaks of the beat that is there.

    Parameters
    ----------
    index_bits: a channel has at most 2**index_bits values.

    Members: step: In, the beat goes by.  last: In, it ends its channel.  chunk_beats, chunks: In,
    `Chunks.length` / lanes and `Chunks.count`.  o: Out, `place_layout`.
    """

    def __init__(self, index_bits: int) -> None:
        self._index_bits = index_bits
        super().__init__(
            {
                "step": In(1),
                "last": In(1),
                "chunk_beats": In(index_bits),
                "chunks": In(CHUNK_BITS),
                "o": Out(place_layout(index_bits)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        number = Signal(self._index_bits)
        within = Signal(self._index_bits)
        chunk = Signal(CHUNK_BITS)
        # The numbers behind the two are needed anyway.
        next_within, next_chunk = within + 1, chunk + 1
        full = (next_within == self.chunk_beats) & (next_chunk != self.chunks)
        m.d.comb += [
            self.o.first.eq(number == 0),
            self.o.last.eq(self.last),
            self.o.begins.eq(within == 0),
            self.o.ends.eq(full | self.last),
            self.o.initial.eq(chunk == 0),
            self.o.beat.eq(number),
        ]
        with m.If(self.step):
            with m.If(self.last):
                m.d.sync += [number.eq(0), within.eq(0), chunk.eq(0)]
            with m.Else():
                m.d.sync += [
                    number.eq(number + 1),
                    within.eq(Mux(full, 0, next_within)),
                    chunk.eq(Mux(full, next_chunk, chunk)),
                ]
        return m
