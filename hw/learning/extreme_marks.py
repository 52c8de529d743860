"""Which values of a channel are the extremes of their chunks."""

from amaranth.hdl import Cat, Module, Mux
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from golden.spec.commands import MAX_CHUNKS
from hw.lightnorm.chunk_counter import CHUNK_BITS, ChunkCounter
from hw.lightnorm.extremes import extremes


class ExtremeMarks(wiring.Component):
    """Marks the lanes of a beat that hold the maximum or the minimum of its chunk.

    Places are those that REDUCE found; those of two channels fit.

    Golden: `golden.lightnorm.unit.spike_masks`.  Latency: none: `high` and `low` speak of the beat that is
    there.  Throughput: a beat a cycle.

    Parameters
    ----------
    lanes: values of a beat, a power of two.  index_bits: a channel has at most 2**index_bits values.

    Members
    -------
    i: stream of `extremes`, one a chunk.
    step: In, the beat goes by.  last: In, it ends its channel.
    chunk_beats, chunks: In, as `ChunkCounter`'s; chunks is at most MAX_CHUNKS.
    high, low: Out, lanes of the maximum and of the minimum.
    """

    i: stream.Interface

    def __init__(self, lanes: int, index_bits: int) -> None:
        self._lanes, self._index_bits = lanes, index_bits
        super().__init__(
            {
                "i": In(stream.Signature(extremes(index_bits))),
                "step": In(1),
                "last": In(1),
                "chunk_beats": In(index_bits),
                "chunks": In(CHUNK_BITS),
                "high": Out(lanes),
                "low": Out(lanes),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        lane_bits = (self._lanes - 1).bit_length()
        m.submodules.counter = counter = ChunkCounter(self._index_bits)
        m.submodules.places = places = SyncFIFO(width=2 * self._index_bits, depth=2 * MAX_CHUNKS)
        known = extremes(self._index_bits)(places.r_data)
        m.d.comb += [
            places.w_data.eq(self.i.payload),
            places.w_en.eq(self.i.valid),
            self.i.ready.eq(places.w_rdy),
            places.r_en.eq(self.step & counter.o.ends),
            counter.step.eq(self.step),
            counter.last.eq(self.last),
            counter.chunk_beats.eq(self.chunk_beats),
            counter.chunks.eq(self.chunks),
        ]
        for mask, place in ((self.high, known.highest), (self.low, known.lowest)):
            here = place[lane_bits:] == counter.o.beat
            lanes = Cat(place[:lane_bits] == lane for lane in range(self._lanes))
            m.d.comb += mask.eq(Mux(here, lanes, 0))
        return m
