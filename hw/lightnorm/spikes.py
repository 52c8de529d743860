"""Marks the lanes that hold the extremes of their chunk."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.block import BlockFormat
from hw.lightnorm.chunk_counter import CHUNK_BITS, ChunkCounter
from hw.lightnorm.layouts import beat
from hw.lightnorm.stat import extremes


def marked(fmt: BlockFormat, lanes: int) -> data.StructLayout:
    """A beat, and its lanes at the first maximum (`high`) and minimum (`low`) of their chunk."""
    return data.StructLayout({"beat": beat(fmt, lanes), "high": lanes, "low": lanes})


class SpikeMarker(wiring.Component):
    """Joins the beats of a tensor with the places that STAT found for its chunks.

    Golden: `golden.lightnorm.unit.spike_masks`.  Throughput: one beat per cycle.  Latency: none.

    Parameters
    ----------
    fmt: of the beats.  lanes: values of a beat, a power of two.  index_bits: as STAT's.

    Members
    -------
    i: stream of `beat`.  places: stream of `extremes`, one a chunk.  o: stream of `marked`.
    chunk_beats, chunks: In, as STAT's.
    """

    i: stream.Interface
    places: stream.Interface
    o: stream.Interface

    def __init__(self, fmt: BlockFormat, lanes: int, index_bits: int = 20) -> None:
        self._lanes, self._index_bits = lanes, index_bits
        super().__init__(
            {
                "i": In(stream.Signature(beat(fmt, lanes))),
                "places": In(stream.Signature(extremes(index_bits))),
                "o": Out(stream.Signature(marked(fmt, lanes))),
                "chunk_beats": In(index_bits),
                "chunks": In(CHUNK_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.counter = counter = ChunkCounter(self._index_bits)
        lane_bits = (self._lanes - 1).bit_length()
        step = Signal()
        m.d.comb += [
            step.eq(self.o.valid & self.o.ready),
            self.o.valid.eq(self.i.valid & self.places.valid),
            self.i.ready.eq(self.places.valid & self.o.ready),
            self.places.ready.eq(step & counter.o.ends),
            counter.step.eq(step),
            counter.last.eq(self.i.payload.last),
            counter.chunk_beats.eq(self.chunk_beats),
            counter.chunks.eq(self.chunks),
            self.o.payload.beat.eq(self.i.payload),
        ]
        places = self.places.payload
        for place, mask in ((places.highest, self.o.payload.high), (places.lowest, self.o.payload.low)):
            here = place[lane_bits:] == counter.o.beat
            m.d.comb += mask.eq(Cat(here & (place[:lane_bits] == lane) for lane in range(self._lanes)))
        return m
