"""The passes APPLY and GRAD up to the encoder: a channel's arithmetic, and the line of its values."""

from typing import Any

from amaranth.hdl import Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.block import NormFormat, Spikes
from hw.lightnorm.affine import Affine
from hw.lightnorm.affine_coefficients import AffineCoefficients
from hw.lightnorm.channel_arithmetic import ChannelArithmetic
from hw.lightnorm.channel_layouts import parameters_layout
from hw.lightnorm.layouts import code_bits, lane_group, pass_beat, results, unit_size
from hw.lightnorm.parallel_arithmetic import ParallelArithmetic
from hw.lightnorm.scalar import scalar_layout
from hw.lightnorm.sums_layouts import sums

_FOUND = ("mean", "scale", "spread", "d_gamma", "d_beta", "spike")


def found() -> data.StructLayout:
    """What the unit finds out of a channel.

    Forward: mean, scale, spread (C·R); `flat` where it has no range; `coarse` where the spread is less than
    one step of the format at the mean.  Backward: dγ, dβ, and the spike, which a reader of dx adds where
    spikes are carried apart; both flags are 0.
    """
    scalars = {name: scalar_layout() for name in _FOUND}
    return data.StructLayout({"backward": 1, **scalars, "flat": 1, "coarse": 1})


def constant_ports() -> dict[str, Any]:
    """Scalars of a tensor."""
    return {name: In(scalar_layout()) for name in ("inverse", "spread", "epsilon")}


class AffinePasses(wiring.Component):
    """Range batch norm from the sums of a channel on; results are exact numbers.

    Golden: `golden.lightnorm.unit`, `apply_exact` and `grad_exact`.  Throughput: one beat per cycle, once the
    line of its channel is there.  A channel's sums may come, and its arithmetic run, beside the beats of the
    channel before.
    Latency: 2 cycles from a beat to `o`.

    Parameters
    ----------
    fmt: number formats.  lanes: values of a beat, a power of two.  spikes: their treatment.
    index_bits: a channel has at most 2**index_bits values.
    parallel: `ParallelArithmetic` instead of `ChannelArithmetic`: a channel's arithmetic takes a sixth of the
        time, always the same, and twice the area.

    Members
    -------
    sums: stream of `sums_layouts.sums`, one a channel and direction.
    i: stream of `pass_beat`, of APPLY and GRAD alone, in the order of the sums.
    high, low: In, lanes of a beat of GRAD that hold extremes; not read with spikes apart.
    parameters: stream of `parameters_layout`, one a channel and direction; taken when its arithmetic has
        ended.
    o: stream of `results`.  found: stream of `found`, one a channel and direction.
    given, lone: In, with `parallel` alone; they stand still during a tensor.  given: forward mean and scale
        are those of `parameters`, of the sums the width alone counts; what leaves by `found` is nothing.
        lone: backward no GRAD follows.
    inverse, spread, epsilon: In, of `golden.spec.block.Constants`: scalars; they stand still during a tensor.
    """

    sums: stream.Interface
    i: stream.Interface
    parameters: stream.Interface
    o: stream.Interface
    found: stream.Interface
    given: Signal
    lone: Signal

    def __init__(self, fmt: NormFormat, lanes: int, spikes: Spikes, index_bits: int, parallel: bool) -> None:
        self._fmt, self._lanes, self._spikes, self._index_bits = fmt, lanes, spikes, index_bits
        self._arithmetic = ParallelArithmetic if parallel else ChannelArithmetic
        self._parallel = parallel
        super().__init__(
            {
                "sums": In(stream.Signature(sums(fmt, index_bits))),
                "i": In(stream.Signature(pass_beat(fmt, lanes))),
                "high": In(lanes),
                "low": In(lanes),
                "parameters": In(stream.Signature(parameters_layout())),
                "o": Out(stream.Signature(results(fmt, lanes))),
                "found": Out(stream.Signature(found())),
                **constant_ports(),
                **({"given": In(1), "lone": In(1)} if parallel else {}),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fmt = self._fmt
        m.submodules.words = words = self._arithmetic(fmt, self._index_bits)
        m.submodules.lines = lines = AffineCoefficients(fmt)
        m.submodules.affine = affine = Affine(fmt, self._lanes, self._spikes)
        wiring.connect(m, affine.o, wiring.flipped(self.o))
        wiring.connect(m, wiring.flipped(self.parameters), words.parameters)

        # A beat goes through the straight line once its channel's is there.
        m.d.comb += [
            self.i.ready.eq(affine.i.ready & lines.valid),
            affine.i.valid.eq(self.i.valid & lines.valid),
            affine.line.eq(lines.o),
            lines.busy.eq(affine.busy),
            lines.done.eq(self.i.valid & self.i.ready & self.i.payload.last),
        ]
        self._values(m, affine.i.payload.beat)
        if self._spikes != Spikes.APART:
            m.d.comb += [affine.i.payload.high.eq(self.high), affine.i.payload.low.eq(self.low)]

        # A channel's arithmetic; a result goes to both of its readers in one cycle.
        result = words.o.payload
        lone: Value = Const(0)
        if self._parallel:
            lone = self.lone
            m.d.comb += words.given.eq(self.given)
        m.d.comb += [
            words.inverse.eq(self.inverse),
            words.spread.eq(self.spread),
            words.epsilon.eq(self.epsilon),
            words.i.valid.eq(self.sums.valid),
            self.sums.ready.eq(words.i.ready),
            words.i.payload.backward.eq(self.sums.payload.backward),
            words.i.payload.sums.eq(self.sums.payload.sums),
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
