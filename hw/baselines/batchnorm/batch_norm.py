"""The two-pass batch-norm unit for training that LightNorm is compared with."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.floats import FloatFormat, Pass
from hw.baselines.batchnorm.lanes import Lanes
from hw.baselines.batchnorm.layouts import beat, channel, outcome, result_beat, words
from hw.baselines.batchnorm.pack import FLOAT_BITS
from hw.baselines.batchnorm.scalars import ChannelScalars


class BatchNorm(wiring.Component):
    """Forward and backward batch norm in FP32 or bfloat16, one pass after the other on one datapath.

    Golden: `golden.baselines.batchnorm.unit`.  Throughput: one beat per cycle in every pass; a channel
    takes at least as long as its scalars (`ChannelScalars`), longer ones follow each other without a pause.
    A pass of another kind begins when the one before has ended.  Latency: `Lanes`.

    Made small: the passes share two multipliers and two adders a lane; the adders are also the trees and
    the accumulators of the sums; partial sums circle in the adder's own registers; a channel's scalars
    are made by one serial adder and multiplier, with Newton's method for the root; no pass needs a
    division; nothing is stored that a stream can hold.  Left out: parameters and statistics, which come
    and go by stream, and denormals.

    Parameters
    ----------
    fmt: of the elements; `golden.spec.floats.FP32` or `BF16`.  lanes: elements of a beat, a power of two.

    Members
    -------
    i: stream of `beat`, channel after channel.
    channels: stream of `channel`, one item for each channel of every pass but MEAN, in the same order.
    o: stream of `result_beat`, of APPLY and GRAD.
    outcomes: stream of `outcome`, one for each channel of the other passes.
    inverse, epsilon: In, float32: 1/n and ε (positive, not denormal); stand still.
    """

    i: stream.Interface
    channels: stream.Interface
    o: stream.Interface
    outcomes: stream.Interface

    def __init__(self, fmt: FloatFormat, lanes: int = 8) -> None:
        if lanes < 1 or lanes & (lanes - 1):
            raise ValueError(f"lanes = {lanes}: a beat must have a power of two of them")
        self._fmt, self._lanes = fmt, lanes
        super().__init__(
            {
                "i": In(stream.Signature(beat(fmt, lanes))),
                "channels": In(stream.Signature(channel())),
                "o": Out(stream.Signature(result_beat(fmt, lanes))),
                "outcomes": Out(stream.Signature(outcome())),
                "inverse": In(FLOAT_BITS),
                "epsilon": In(FLOAT_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.lanes = lanes = Lanes(self._fmt, self._lanes)
        m.submodules.scalars = scalars = ChannelScalars(self._fmt)
        wiring.connect(m, wiring.flipped(self.channels), scalars.channel)
        wiring.connect(m, scalars.outcome, wiring.flipped(self.outcomes))
        wiring.connect(m, lanes.sums, scalars.sums)

        op = Signal(Pass)
        advance, take = Signal(), Signal()
        inside, full = Signal(), Signal()
        # Beats of a channel are an even number of steps apart for each partial sum.
        slot, turn = Signal(), Signal()
        held = Signal(words(self._fmt))
        source = self.i.payload
        spread = (op == Pass.APPLY) | (op == Pass.GRAD)
        by_words = spread | (op == Pass.VARIANCE)
        begin = ~(source.last & lanes.ended)
        m.d.comb += [
            advance.eq(~lanes.blocked & (~lanes.o_valid | self.o.ready)),
            self.i.ready.eq(
                advance & (source.op == op) & (full | ~by_words) & Mux(inside, (slot == turn) | spread, begin)
            ),
            take.eq(self.i.valid & self.i.ready),
            lanes.advance.eq(advance),
            lanes.valid.eq(take),
            lanes.first.eq(~inside),
            lanes.op.eq(op),
            lanes.beat.eq(source),
            lanes.words.eq(held),
            self.o.valid.eq(lanes.o_valid),
            self.o.payload.eq(lanes.o),
            scalars.op.eq(op),
            scalars.inverse.eq(self.inverse),
            scalars.epsilon.eq(self.epsilon),
            scalars.words.ready.eq((~full | (take & source.last)) & ~lanes.young),
        ]
        with m.If(advance):
            m.d.sync += slot.eq(~slot)
        with m.If(take):
            m.d.sync += [turn.eq(~slot), inside.eq(~source.last)]
        with m.If(scalars.words.valid & scalars.words.ready):
            m.d.sync += [held.eq(scalars.words.payload), full.eq(1)]
        with m.Elif(take & source.last):
            m.d.sync += full.eq(0)
        with m.If(self.i.valid & ~inside & ~lanes.busy & ~scalars.busy & ~full):
            m.d.sync += op.eq(source.op)
        return m
