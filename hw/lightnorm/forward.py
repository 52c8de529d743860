"""The forward half of the unit: STAT, the channel's arithmetic, APPLY."""

from amaranth.hdl import Module
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.block import NormFormat
from hw.lightnorm.apply import Apply, apply_words
from hw.lightnorm.chunk_counter import CHUNK_BITS
from hw.lightnorm.encoder import encoded
from hw.lightnorm.forward_words import ForwardWords
from hw.lightnorm.held import Held
from hw.lightnorm.layouts import beat
from hw.lightnorm.scalar import scalar_layout
from hw.lightnorm.stat import Stat, extremes


def parameters() -> data.StructLayout:
    """What a channel learns."""
    return data.StructLayout({"gamma": scalar_layout(), "beta": scalar_layout()})


def found() -> data.StructLayout:
    """Statistics of a channel: mean, scale and C·R; `flat` where it has no range."""
    return data.StructLayout(
        {"mean": scalar_layout(), "scale": scalar_layout(), "spread": scalar_layout(), "flat": 1}
    )


class Forward(wiring.Component):
    """y and the statistics of channels that are read twice, by STAT and by APPLY, side by side.

    Golden: `golden.lightnorm.unit.forward`.  Throughput: one beat per cycle on both inputs; a channel
    takes at least as long as its arithmetic (`ForwardWords`).  STAT may listen to x as it is written.

    Parameters
    ----------
    fmt: number formats.  lanes: values of a beat, a power of two.  index_bits: a channel has at most
        2**index_bits values.

    Members
    -------
    stat, apply: streams of `beat` of fmt.forward, channel after channel, the same in both.
    channels: stream of `parameters`, one a channel.
    y: stream of `encoded`.  found: stream of `found`, one a channel.  places: stream of `extremes`,
        one a chunk.
    chunk_beats, chunks, inverse, spread, epsilon: In, `golden.spec.block.Constants`; stand still.
    """

    stat: stream.Interface
    apply: stream.Interface
    channels: stream.Interface
    y: stream.Interface
    found: stream.Interface
    places: stream.Interface

    def __init__(self, fmt: NormFormat, lanes: int, index_bits: int = 20) -> None:
        self._fmt, self._lanes, self._index_bits = fmt, lanes, index_bits
        super().__init__(
            {
                "stat": In(stream.Signature(beat(fmt.forward, lanes))),
                "apply": In(stream.Signature(beat(fmt.forward, lanes))),
                "channels": In(stream.Signature(parameters())),
                "y": Out(stream.Signature(encoded(fmt.forward, lanes))),
                "found": Out(stream.Signature(found())),
                "places": Out(stream.Signature(extremes(index_bits))),
                "chunk_beats": In(index_bits),
                "chunks": In(CHUNK_BITS),
                "inverse": In(scalar_layout()),
                "spread": In(scalar_layout()),
                "epsilon": In(scalar_layout()),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fmt, lanes = self._fmt, self._lanes
        m.submodules.stat = stat = Stat(fmt.forward, lanes, self._index_bits)
        m.submodules.words = words = ForwardWords(fmt, self._index_bits)
        m.submodules.held = held = Held(beat(fmt.forward, lanes), apply_words(fmt))
        m.submodules.apply = apply = Apply(fmt, lanes)
        wiring.connect(m, wiring.flipped(self.stat), stat.i)
        wiring.connect(m, stat.places, wiring.flipped(self.places))
        wiring.connect(m, wiring.flipped(self.apply), held.i)
        wiring.connect(m, held.o, apply.i)
        wiring.connect(m, apply.o, wiring.flipped(self.y))
        result = words.o.payload
        m.d.comb += [
            stat.chunk_beats.eq(self.chunk_beats),
            stat.chunks.eq(self.chunks),
            words.inverse.eq(self.inverse),
            words.spread.eq(self.spread),
            words.epsilon.eq(self.epsilon),
            words.i.valid.eq(stat.o.valid & self.channels.valid),
            stat.o.ready.eq(words.i.ready & self.channels.valid),
            self.channels.ready.eq(words.i.ready & stat.o.valid),
            words.i.payload.sums.eq(stat.o.payload),
            words.i.payload.gamma.eq(self.channels.payload.gamma),
            words.i.payload.beta.eq(self.channels.payload.beta),
            # A result goes to both of its readers in one cycle.
            words.o.ready.eq(held.words.ready & self.found.ready),
            held.words.valid.eq(words.o.valid & self.found.ready),
            held.words.payload.eq(result.words),
            held.last.eq(self.apply.payload.last),
            self.found.valid.eq(words.o.valid & held.words.ready),
            *(self.found.payload[name].eq(result[name]) for name in ("mean", "scale", "spread", "flat")),
        ]
        return m
