"""The sums of a layer's channels: statistics of what the array writes, moments of what is read."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.commands import block_record, index_bits
from golden.spec.config import Config
from golden.spec.learning import NORM_FORMAT
from golden.spec.sizes import CHANNEL_BITS
from hw.learning.block_places import BlockPlaces
from hw.learning.norm_bytes import put_bytes
from hw.learning.ports import blocks_signature
from hw.lightnorm.chunk_counter import CHUNK_BITS, ChunkCounter
from hw.lightnorm.extremes import extremes
from hw.lightnorm.layouts import Op, pass_beat
from hw.lightnorm.sums import Sums
from hw.lightnorm.sums_layouts import chunk_layout, partial_layout, statistics, sums
from hw.parts.delay import delayed
from hw.parts.memory import UNORDERED
from hw.writeback.layouts import pool_index_bits


class LayerSums(wiring.Component):
    """One `Sums` for the two ways. Forward: words of blocks come while the array writes them, one of each
    channel of a round in turn; what there is of a channel stands in a memory until its next word, what it
    becomes in another until `start`. Backward: REDUCE of beats that are read, a channel at a time.

    Golden: `golden.lightnorm.unit.stat` and `reduce`.  Latency: statistics stand 4 cycles behind the last
    bytes of their channel; from `start` to the first one's at `o`, and from one that is taken to the next
    one's, 2 cycles.  Throughput: a beat a cycle.

    Words of a channel begin `latency.words_apart` cycles apart or more, as its jobs do: then what is kept is
    there in time. Nothing here looks; the cycle model does, at each pass of a step (`golden.cycles.passes`).

    Members
    -------
    written: In; not while beats come at `i`.
    start: In, the statistics of `channels` channels are wanted, from that of parameter word `first` on.
    i: stream of `pass_beat`, REDUCE's.  chunk_beats, chunks: In, as `ChunkCounter`'s, of these.
    o: stream of `sums`, one a channel.  places: stream of `extremes`, one a chunk of REDUCE.
    """

    i: stream.Interface
    o: stream.Interface
    places: stream.Interface

    def __init__(self, config: Config) -> None:
        self._config = config
        bits = index_bits(config)
        super().__init__(
            {
                "written": In(blocks_signature(config)),
                "start": In(1),
                "first": In(block_record(config).width("parameter_address")),
                "channels": In(CHANNEL_BITS),
                "i": In(stream.Signature(pass_beat(NORM_FORMAT, config.basis))),
                "chunk_beats": In(bits),
                "chunks": In(CHUNK_BITS),
                "o": Out(stream.Signature(sums(NORM_FORMAT, bits))),
                "places": Out(stream.Signature(extremes(bits))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, bits, written = self._config, index_bits(self._config), self.written
        m.submodules.counter = counter = ChunkCounter(bits)
        m.submodules.at = at = BlockPlaces(config)
        m.submodules.sums = both = Sums(NORM_FORMAT, config.basis, bits, Op.REDUCE)
        wiring.connect(m, wiring.flipped(written), at.i)
        wiring.connect(m, both.places, wiring.flipped(self.places))
        source = both.i.payload
        m.d.comb += [
            counter.step.eq(self.i.valid & self.i.ready),
            counter.last.eq(self.i.payload.last),
            counter.chunk_beats.eq(self.chunk_beats),
            counter.chunks.eq(self.chunks),
            self.i.ready.eq(both.i.ready),
            both.i.valid.eq(self.i.valid | written.valid),
            both.zero.eq(written.layer.chunks == 0),
            source.beat.eq(self.i.payload),
            source.place.eq(Mux(written.valid, at.place, counter.o)),
        ]
        with m.If(written.valid):
            put_bytes(m, source.beat, written.bytes, written.bytes)
            m.d.comb += [source.beat.op.eq(Op.STAT), source.beat.mask.eq(-1)]
        self._keep(m, both, at)
        self._give(m, both, at)
        return m

    def _keep(self, m: Module, both: Sums, at: BlockPlaces) -> None:
        """What there is of the channels of a round."""
        depth = 1 << pool_index_bits(self._config)
        channels = delayed(m, self.written.channel, 3, "channel")
        ends = delayed(m, at.ends, 3, "ends")
        forward, bits = NORM_FORMAT.forward, index_bits(self._config)
        kept: list[tuple[str, data.StructLayout, Any, Any]] = [
            ("round_chunks", chunk_layout(forward), both.chunk, both.chunk_before),
            ("round_sums", partial_layout(forward, bits), both.partial, both.sums_before),
        ]
        m.d.comb += both.resumes.eq(at.resumes)
        resumes = delayed(m, at.resumes, 1, "resumes")
        for later, (name, shape, now, before) in enumerate(kept):
            m.submodules[name] = ram = memory.Memory(shape=shape, depth=depth, init=[], attrs=UNORDERED)
            write, read = ram.write_port(), ram.read_port()
            m.d.comb += [
                read.addr.eq(channels[later]),
                read.en.eq(resumes[later]),
                before.eq(read.data),
                write.en.eq(ends[2 + later]),
                write.addr.eq(channels[2 + later]),
                write.data.eq(now),
            ]

    def _give(self, m: Module, both: Sums, at: BlockPlaces) -> None:
        """What became of channels, and REDUCE's results."""
        shape = statistics(NORM_FORMAT.forward, index_bits(self._config))
        m.submodules.layer = ram = memory.Memory(
            shape=shape, depth=self._config.filter_words, init=[], attrs=UNORDERED
        )
        write, read = ram.write_port(), ram.read_port()
        address, left, stands = Signal.like(self.first), Signal.like(self.channels), Signal()
        found, taken = both.o.payload, self.o.valid & self.o.ready
        recalls = stands & (left != 0)
        m.d.comb += [
            write.en.eq(both.o.valid & ~found.backward),
            write.addr.eq(delayed(m, at.address, 3, "address")[-1]),
            write.data.eq(both.stat),
            read.addr.eq(address),
            read.en.eq(left != 0),
            both.o.ready.eq(~found.backward | self.o.ready),
            self.o.valid.eq(recalls | (both.o.valid & found.backward)),
            self.o.payload.backward.eq(~recalls),
        ]
        with m.If(recalls):
            m.d.comb += self.o.payload.sums.stat.eq(read.data)
        with m.Else():
            m.d.comb += self.o.payload.sums.reduce.eq(both.reduce)
        m.d.sync += stands.eq(~(self.start | taken))
        with m.If(taken & recalls):
            m.d.sync += [address.eq(address + 1), left.eq(left - 1)]
        with m.If(self.start):
            m.d.sync += [address.eq(self.first), left.eq(self.channels)]
