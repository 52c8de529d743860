"""The backward half of the unit: REDUCE, the channel's arithmetic, GRAD."""

from amaranth.hdl import Module
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.block import NormFormat, Spikes
from hw.lightnorm.backward_words import BackwardWords
from hw.lightnorm.chunk_counter import CHUNK_BITS
from hw.lightnorm.encoder import encoded
from hw.lightnorm.grad import Grad, grad_words
from hw.lightnorm.held import Held
from hw.lightnorm.layouts import beat
from hw.lightnorm.reduce import Reduce
from hw.lightnorm.scalar import scalar_layout
from hw.lightnorm.spikes import SpikeMarker, marked
from hw.lightnorm.stat import extremes


def channel() -> data.StructLayout:
    """A channel's gamma, and mean and scale of its forward pass."""
    return data.StructLayout({name: scalar_layout() for name in ("gamma", "mean", "scale")})


def gradients() -> data.StructLayout:
    """dγ, dβ, and the spike, which a reader of dx adds where spikes are carried apart."""
    return data.StructLayout({name: scalar_layout() for name in ("d_gamma", "d_beta", "spike")})


class Backward(wiring.Component):
    """dx and the parameters' gradients; dy is read twice, by REDUCE with x and by GRAD, side by side.

    Golden: `golden.lightnorm.unit.backward`.  Throughput: one beat per cycle on all inputs; a channel
    takes at least as long as its arithmetic (`BackwardWords`).

    Parameters
    ----------
    fmt: number formats.  lanes: values of a beat, a power of two.  spikes: their treatment.
    index_bits: a channel has at most 2**index_bits values.

    Members
    -------
    reduce: stream of beats `x` and `dy`.  grad: stream of beats of dy.  channels: stream of `channel`.
    places: stream of `extremes`, one a chunk, as STAT found them.
    dx: stream of `encoded`.  gradients: stream of `gradients`, one a channel.
    chunk_beats, chunks, inverse, spread: In, `golden.spec.block.Constants`; stand still.
    """

    reduce: stream.Interface
    grad: stream.Interface
    channels: stream.Interface
    places: stream.Interface
    dx: stream.Interface
    gradients: stream.Interface

    def __init__(self, fmt: NormFormat, lanes: int, spikes: Spikes, index_bits: int = 20) -> None:
        self._fmt, self._lanes, self._spikes, self._index_bits = fmt, lanes, spikes, index_bits
        both = data.StructLayout({"x": beat(fmt.forward, lanes), "dy": beat(fmt.gradient, lanes)})
        super().__init__(
            {
                "reduce": In(stream.Signature(both)),
                "grad": In(stream.Signature(beat(fmt.gradient, lanes))),
                "channels": In(stream.Signature(channel())),
                "places": In(stream.Signature(extremes(index_bits))),
                "dx": Out(stream.Signature(encoded(fmt.gradient, lanes))),
                "gradients": Out(stream.Signature(gradients())),
                "chunk_beats": In(index_bits),
                "chunks": In(CHUNK_BITS),
                "inverse": In(scalar_layout()),
                "spread": In(scalar_layout()),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fmt, lanes, index_bits = self._fmt, self._lanes, self._index_bits
        m.submodules.reduce = reduce = Reduce(fmt, lanes, index_bits)
        m.submodules.words = words = BackwardWords(fmt, index_bits)
        m.submodules.marker = marker = SpikeMarker(fmt.gradient, lanes, index_bits)
        m.submodules.held = held = Held(marked(fmt.gradient, lanes), grad_words(fmt))
        m.submodules.grad = grad = Grad(fmt, lanes, self._spikes)
        wiring.connect(m, wiring.flipped(self.reduce), reduce.i)
        wiring.connect(m, wiring.flipped(self.grad), marker.i)
        wiring.connect(m, wiring.flipped(self.places), marker.places)
        wiring.connect(m, marker.o, held.i)
        wiring.connect(m, grad.o, wiring.flipped(self.dx))
        result = words.o.payload
        beats = held.o.payload.beat
        m.d.comb += [
            marker.chunk_beats.eq(self.chunk_beats),
            marker.chunks.eq(self.chunks),
            words.inverse.eq(self.inverse),
            words.spread.eq(self.spread),
            words.i.valid.eq(reduce.o.valid & self.channels.valid),
            reduce.o.ready.eq(words.i.ready & self.channels.valid),
            self.channels.ready.eq(words.i.ready & reduce.o.valid),
            words.i.payload.sums.eq(reduce.o.payload),
            *(words.i.payload[name].eq(self.channels.payload[name]) for name in ("gamma", "mean", "scale")),
            # A result goes to both of its readers in one cycle.
            words.o.ready.eq(held.words.ready & self.gradients.ready),
            held.words.valid.eq(words.o.valid & self.gradients.ready),
            held.words.payload.eq(result.words),
            held.last.eq(marker.o.payload.beat.last),
            self.gradients.valid.eq(words.o.valid & held.words.ready),
            *(self.gradients.payload[name].eq(result[name]) for name in ("d_gamma", "d_beta", "spike")),
            grad.i.valid.eq(held.o.valid),
            held.o.ready.eq(grad.i.ready),
            grad.i.payload.beat.eq(beats.beat),
            grad.i.payload.high.eq(beats.high),
            grad.i.payload.low.eq(beats.low),
            grad.i.payload.words.eq(held.o.payload.words),
        ]
        return m
