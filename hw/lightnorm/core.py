"""The four passes up to the encoder: one pair of datapaths and one channel arithmetic."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.block import NormFormat, Spikes
from hw.lightnorm.affine_passes import AffinePasses, constant_ports, found
from hw.lightnorm.channel_layouts import parameters_layout
from hw.lightnorm.chunk_counter import CHUNK_BITS, ChunkCounter
from hw.lightnorm.extremes import extremes
from hw.lightnorm.layouts import Op, pass_beat, results
from hw.lightnorm.sums import Sums


def norm_ports(fmt: NormFormat, lanes: int, index_bits: int) -> dict[str, Any]:
    """Ports of `NormCore` that `hw.lightnorm.unit.LightNorm` has as well."""
    return {
        "i": In(stream.Signature(pass_beat(fmt, lanes))),
        "parameters": In(stream.Signature(parameters_layout())),
        "places_in": In(stream.Signature(extremes(index_bits))),
        "found": Out(stream.Signature(found())),
        "places_out": Out(stream.Signature(extremes(index_bits))),
        "chunk_beats": In(index_bits),
        "chunks": In(CHUNK_BITS),
        **constant_ports(),
    }


class NormCore(wiring.Component):
    """Range batch norm of values in block floating point, forward and backward; results are exact numbers.

    Golden: `golden.lightnorm.unit`, `apply_exact` and `grad_exact`.  Throughput: one beat per cycle in every
    pass.  A channel is read twice, by STAT (REDUCE) and then by APPLY (GRAD), in the same order of channels;
    in between, other passes may come, and should: STAT 0, STAT 1, APPLY 0, STAT 2, APPLY 1 … has no pause
    where a channel has more beats than its arithmetic takes cycles.  At most two
    channels wait for their second pass.
    Latency: 2 cycles from APPLY's and GRAD's beats to `o`.

    Parameters
    ----------
    fmt: number formats.  lanes: values of a beat, a power of two.  spikes: their treatment.
    index_bits: a channel has at most 2**index_bits values.

    Members
    -------
    i: stream of `pass_beat`; the beats of a channel and pass follow each other.
    parameters: stream of `parameters_layout`, one for each STAT and REDUCE of a channel; taken when its
    arithmetic has ended.
    o: stream of `results`.  found: stream of `found`, one a channel and direction.
    places_out: stream of `extremes`, one a chunk of STAT.  places_in: the same, for GRAD; not
    read with spikes apart.
    chunk_beats, chunks, inverse, spread, epsilon: In, of `golden.spec.block.Constants`: `Chunks.length` /
    lanes, `Chunks.count`, and scalars; they stand still during a tensor.
    """

    i: stream.Interface
    parameters: stream.Interface
    places_in: stream.Interface
    o: stream.Interface
    found: stream.Interface
    places_out: stream.Interface

    def __init__(self, fmt: NormFormat, lanes: int, spikes: Spikes, index_bits: int = 20) -> None:
        self._fmt, self._lanes, self._spikes, self._index_bits = fmt, lanes, spikes, index_bits
        ports = norm_ports(fmt, lanes, index_bits)
        super().__init__({**ports, "o": Out(stream.Signature(results(fmt, lanes)))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fmt, lanes, index_bits = self._fmt, self._lanes, self._index_bits
        m.submodules.counter = counter = ChunkCounter(index_bits)
        m.submodules.sums = sums = Sums(fmt, lanes, index_bits)
        m.submodules.passes = passes = AffinePasses(fmt, lanes, self._spikes, index_bits, False)
        wiring.connect(m, sums.places, wiring.flipped(self.places_out))
        wiring.connect(m, sums.o, passes.sums)
        wiring.connect(m, passes.o, wiring.flipped(self.o))
        wiring.connect(m, passes.found, wiring.flipped(self.found))
        wiring.connect(m, wiring.flipped(self.parameters), passes.parameters)

        # A beat goes to the sums, or through the straight line.
        beat, place = self.i.payload, counter.o
        second = beat.op[0]
        grad = beat.op == Op.GRAD
        marked = grad if self._spikes != Spikes.APART else 0
        may = self.places_in.valid | ~marked
        taken = self.i.valid & self.i.ready
        m.d.comb += [
            self.i.ready.eq(Mux(second, passes.i.ready & may, sums.i.ready)),
            counter.step.eq(taken),
            counter.last.eq(beat.last),
            counter.chunk_beats.eq(self.chunk_beats),
            counter.chunks.eq(self.chunks),
            sums.i.valid.eq(self.i.valid & ~second),
            sums.i.payload.beat.eq(beat),
            sums.i.payload.place.eq(place),
            passes.i.valid.eq(self.i.valid & second & may),
            passes.i.payload.eq(beat),
            self.places_in.ready.eq(taken & marked & place.ends),
            *(getattr(passes, name).eq(getattr(self, name)) for name in constant_ports()),
        ]
        if self._spikes != Spikes.APART:
            lane_bits = (lanes - 1).bit_length()
            known = self.places_in.payload
            for position, mask in ((known.highest, passes.high), (known.lowest, passes.low)):
                here = grad & (position[lane_bits:] == place.beat)
                m.d.comb += mask.eq(Cat(here & (position[:lane_bits] == lane) for lane in range(lanes)))
        return m
