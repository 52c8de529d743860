"""The pass GRAD: dx from dy, one product per value."""

from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.block import NormFormat, Spikes
from hw.lightnorm.encoder import Encoder, encoded
from hw.lightnorm.layouts import GRID_BITS, beat
from hw.lightnorm.window import Window


def grad_words(fmt: NormFormat) -> data.StructLayout:
    """`golden.lightnorm.channel.GradWords` of one channel; the mean modulo 2**(gradient_window + 1)."""
    return data.StructLayout(
        {
            "window_grid": signed(GRID_BITS),
            "mean": unsigned(fmt.gradient_window + 1),
            "scale": signed(fmt.scale + 1),
            "spike": signed(fmt.gradient_window + fmt.scale + fmt.spike),
            "grid": signed(GRID_BITS),
        }
    )


class Grad(wiring.Component):
    """dx = encode((window(dy) − mean)·scale ∓ spike at the extremes).

    Golden: `golden.lightnorm.unit.grad`.  Throughput: one beat per cycle.  Latency: 7 cycles for
    groups within a beat, else as the encoder's.

    Parameters
    ----------
    fmt: number formats.  lanes: values of a beat, a power of two.  spikes: their treatment.

    Members
    -------
    i: stream of `beat` of fmt.gradient, `words` of its channel, and lanes that are the first maximum
        (`high`) or minimum (`low`) of their chunk.  o: stream of `encoded` of fmt.gradient.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, fmt: NormFormat, lanes: int, spikes: Spikes) -> None:
        self._fmt, self._lanes, self._spikes = fmt, lanes, spikes
        payload = data.StructLayout(
            {"beat": beat(fmt.gradient, lanes), "words": grad_words(fmt), "high": lanes, "low": lanes}
        )
        super().__init__(
            {
                "i": In(stream.Signature(payload)),
                "o": Out(stream.Signature(encoded(fmt.gradient, lanes))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fmt, lanes = self._fmt, self._lanes
        source = self.i.payload
        tag = data.StructLayout({"words": grad_words(fmt), "high": lanes, "low": lanes})
        bits = fmt.gradient_window + fmt.scale + fmt.spike + 2
        m.submodules.window = window = Window(fmt.gradient, fmt.gradient_window, lanes, tag)
        m.submodules.encoder = encoder = Encoder(fmt.gradient, bits, lanes)
        m.d.comb += [
            window.i.valid.eq(self.i.valid),
            self.i.ready.eq(window.i.ready),
            window.i.payload.beat.eq(source.beat),
            window.i.payload.grid.eq(source.words.window_grid),
            window.i.payload.mean.eq(source.words.mean),
            window.i.payload.tag.words.eq(source.words),
            window.i.payload.tag.high.eq(source.high),
            window.i.payload.tag.low.eq(source.low),
        ]
        advance = Signal()
        found = window.o.payload
        words = found.tag.words
        target = encoder.i.payload
        quiet = found.tag.high | found.tag.low if self._spikes == Spikes.CLIP else 0
        m.d.comb += [advance.eq(~encoder.i.valid | encoder.i.ready), window.o.ready.eq(advance)]
        with m.If(advance):
            m.d.sync += [
                encoder.i.valid.eq(window.o.valid),
                target.grid.eq(words.grid),
                target.quiet.eq(quiet),
                target.mask.eq(found.mask),
                target.last.eq(found.last),
            ]
            for lane in range(lanes):
                product = found.values[lane] * words.scale
                if self._spikes != Spikes.APART:
                    high, low = found.tag.high[lane], found.tag.low[lane]
                    product = product + Mux(low, words.spike, 0) - Mux(high, words.spike, 0)
                m.d.sync += target.words[lane].eq(product)
        wiring.connect(m, encoder.o, wiring.flipped(self.o))
        return m
