"""The four passes up to the encoder: one pair of datapaths and one channel arithmetic."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.block import NormFormat, Spikes
from hw.lightnorm.affine import Affine
from hw.lightnorm.affine_coefficients import AffineCoefficients
from hw.lightnorm.channel_arithmetic import ChannelArithmetic
from hw.lightnorm.channel_layouts import parameters_layout
from hw.lightnorm.chunk_counter import CHUNK_BITS, ChunkCounter
from hw.lightnorm.extremes import extremes
from hw.lightnorm.layouts import Op, code_bits, lane_group, pass_beat, results, unit_size
from hw.lightnorm.parallel_arithmetic import ParallelArithmetic
from hw.lightnorm.scalar import scalar_layout
from hw.lightnorm.sums import Sums

_FOUND = ("mean", "scale", "spread", "d_gamma", "d_beta", "spike")


def found() -> data.StructLayout:
    """What the unit finds out of a channel.

    Forward: mean, scale, spread (C·R); `flat` where it has no range; `coarse` where the spread is less than
    one step of the format at the mean.  Backward: dγ, dβ, and the spike, which a reader of dx adds where
    spikes are carried apart; both flags are 0.
    """
    scalars = {name: scalar_layout() for name in _FOUND}
    return data.StructLayout({"backward": 1, **scalars, "flat": 1, "coarse": 1})


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
        "inverse": In(scalar_layout()),
        "spread": In(scalar_layout()),
        "epsilon": In(scalar_layout()),
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
    parallel: `ParallelArithmetic` instead of `ChannelArithmetic`: a channel's arithmetic takes a sixth of the
        time, always the same, and twice the area.
    placing: the pass that finds the places of extremes, STAT or REDUCE.

    Members
    -------
    i: stream of `pass_beat`; the beats of a channel and pass follow each other.
    parameters: stream of `parameters_layout`, one for each STAT and REDUCE of a channel; taken when its
    arithmetic has ended.
    o: stream of `results`.  found: stream of `found`, one a channel and direction.
    places_out: stream of `extremes`, one a chunk of the pass `placing`.  places_in: the same, for GRAD; not
    read with spikes apart.
    given, lone: In, with `parallel` alone; they stand still during a tensor.  given: forward mean and scale
    are those of `parameters`, what STAT finds is the window alone; what leaves by `found` is nothing.
    lone: REDUCE has no GRAD behind it.
    chunk_beats, chunks, inverse, spread, epsilon: In, of `golden.spec.block.Constants`: `Chunks.length` /
    lanes, `Chunks.count`, and scalars; they stand still during a tensor.
    """

    i: stream.Interface
    parameters: stream.Interface
    places_in: stream.Interface
    o: stream.Interface
    found: stream.Interface
    places_out: stream.Interface
    given: Signal
    lone: Signal

    def __init__(
        self,
        fmt: NormFormat,
        lanes: int,
        spikes: Spikes,
        index_bits: int = 20,
        parallel: bool = False,
        placing: Op = Op.STAT,
    ) -> None:
        self._fmt, self._lanes, self._spikes, self._index_bits = fmt, lanes, spikes, index_bits
        self._placing = placing
        self._arithmetic = ParallelArithmetic if parallel else ChannelArithmetic
        self._parallel = parallel
        ports = norm_ports(fmt, lanes, index_bits)
        ports |= {"given": In(1), "lone": In(1)} if parallel else {}
        super().__init__({**ports, "o": Out(stream.Signature(results(fmt, lanes)))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fmt, lanes, index_bits = self._fmt, self._lanes, self._index_bits
        m.submodules.counter = counter = ChunkCounter(index_bits)
        m.submodules.sums = sums = Sums(fmt, lanes, index_bits, self._placing)
        m.submodules.words = words = self._arithmetic(fmt, index_bits)
        m.submodules.lines = lines = AffineCoefficients(fmt)
        m.submodules.affine = affine = Affine(fmt, lanes, self._spikes)
        wiring.connect(m, affine.o, wiring.flipped(self.o))
        wiring.connect(m, wiring.flipped(self.parameters), words.parameters)
        wiring.connect(m, sums.places, wiring.flipped(self.places_out))

        # A beat goes to the sums, or, once its channel's line is there, through the straight line.
        beat, place = self.i.payload, counter.o
        second = beat.op[0]
        grad = beat.op == Op.GRAD
        marked = grad if self._spikes != Spikes.APART else 0
        may = lines.valid & (self.places_in.valid | ~marked)
        taken = self.i.valid & self.i.ready
        m.d.comb += [
            self.i.ready.eq(Mux(second, affine.i.ready & may, sums.i.ready)),
            counter.step.eq(taken),
            counter.last.eq(beat.last),
            counter.chunk_beats.eq(self.chunk_beats),
            counter.chunks.eq(self.chunks),
            sums.i.valid.eq(self.i.valid & ~second),
            sums.i.payload.beat.eq(beat),
            sums.i.payload.place.eq(place),
            affine.i.valid.eq(self.i.valid & second & may),
            affine.line.eq(lines.o),
            lines.busy.eq(affine.busy),
            lines.done.eq(taken & second & beat.last),
            self.places_in.ready.eq(taken & marked & place.ends),
        ]
        self._values(m, affine.i.payload.beat)
        if self._spikes != Spikes.APART:
            lane_bits = (lanes - 1).bit_length()
            known = self.places_in.payload
            for position, mask in (
                (known.highest, affine.i.payload.high),
                (known.lowest, affine.i.payload.low),
            ):
                here = grad & (position[lane_bits:] == place.beat)
                m.d.comb += mask.eq(Cat(here & (position[:lane_bits] == lane) for lane in range(lanes)))

        # A channel's arithmetic; a result goes to both of its readers in one cycle.
        result = words.o.payload
        lone: Value = Const(0)
        if self._parallel:
            lone = self.lone
            m.d.comb += [words.given.eq(self.given), sums.zero.eq(self.given)]
        m.d.comb += [
            words.inverse.eq(self.inverse),
            words.spread.eq(self.spread),
            words.epsilon.eq(self.epsilon),
            words.i.valid.eq(sums.o.valid),
            sums.o.ready.eq(words.i.ready),
            words.i.payload.backward.eq(sums.o.payload.backward),
            words.i.payload.sums.eq(sums.o.payload.sums),
            words.o.ready.eq((lines.i.ready | lone) & self.found.ready),
            lines.i.valid.eq(words.o.valid & self.found.ready & ~lone),
            lines.i.payload.backward.eq(result.backward),
            lines.i.payload.words.eq(result.words),
            self.found.valid.eq(words.o.valid & (lines.i.ready | lone)),
            *(self.found.payload[name].eq(result[name]) for name in ("backward", "flat", "coarse", *_FOUND)),
        ]
        return m

    def _values(self, m: Module, target: data.View) -> None:
        """The values that APPLY or GRAD reads, in fields that hold both formats."""
        fmt, lanes = self._fmt, self._lanes
        beat = self.i.payload
        back = beat.op[1]
        m.d.comb += [target.backward.eq(back), target.mask.eq(beat.mask), target.last.eq(beat.last)]
        for lane in range(lanes):
            x, dy = beat.x.codes[lane], beat.dy.codes[lane]
            magnitude = Signal(code_bits(fmt), name=f"magnitude{lane}")
            m.d.comb += [
                magnitude.eq(Mux(back, dy[:-1], x[:-1])),
                target.magnitudes[lane].eq(magnitude),
                target.signs[lane].eq(Mux(back, dy[-1], x[-1])),
            ]
        size = unit_size(fmt, lanes)
        for unit in range(lanes // size):
            x_group, dy_group = (unit * size // lane_group(b, lanes) for b in (fmt.forward, fmt.gradient))
            m.d.comb += target.exponents[unit].eq(
                Mux(back, beat.dy.exponents[dy_group], beat.x.exponents[x_group])
            )
