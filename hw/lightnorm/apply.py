"""The pass APPLY: y from x, one product per value."""

from amaranth.hdl import Module, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.block import NormFormat
from hw.lightnorm.encoder import Encoder, encoded
from hw.lightnorm.layouts import GRID_BITS, beat
from hw.lightnorm.window import Window


def apply_words(fmt: NormFormat) -> data.StructLayout:
    """`golden.lightnorm.channel.ApplyWords` of one channel; the mean modulo 2**(window + 1)."""
    return data.StructLayout(
        {
            "window_grid": signed(GRID_BITS),
            "mean": unsigned(fmt.window + 1),
            "scale": signed(fmt.scale + 1),
            "offset": signed(fmt.window + fmt.scale),
            "grid": signed(GRID_BITS),
        }
    )


class Apply(wiring.Component):
    """y = encode((window(x) − mean)·scale + offset).

    Golden: `golden.lightnorm.unit.apply`.  Throughput: one beat per cycle.  Latency: 7 cycles for
    groups within a beat, else as the encoder's.

    Parameters
    ----------
    fmt: number formats.  lanes: values of a beat, a power of two.

    Members
    -------
    i: stream of `beat` of fmt.forward and `words` of its channel, which may change with every beat.
    o: stream of `encoded` of fmt.forward.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, fmt: NormFormat, lanes: int) -> None:
        self._fmt, self._lanes = fmt, lanes
        payload = data.StructLayout({"beat": beat(fmt.forward, lanes), "words": apply_words(fmt)})
        super().__init__(
            {
                "i": In(stream.Signature(payload)),
                "o": Out(stream.Signature(encoded(fmt.forward, lanes))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fmt = self._fmt
        words = self.i.payload.words
        tag = apply_words(fmt)
        m.submodules.window = window = Window(fmt.forward, fmt.window, self._lanes, tag)
        m.submodules.encoder = encoder = Encoder(fmt.forward, fmt.window + fmt.scale + 1, self._lanes)
        m.d.comb += [
            window.i.valid.eq(self.i.valid),
            self.i.ready.eq(window.i.ready),
            window.i.payload.beat.eq(self.i.payload.beat),
            window.i.payload.grid.eq(words.window_grid),
            window.i.payload.mean.eq(words.mean),
            window.i.payload.tag.eq(words),
        ]
        advance = Signal()
        found = window.o.payload
        target = encoder.i.payload
        m.d.comb += [advance.eq(~encoder.i.valid | encoder.i.ready), window.o.ready.eq(advance)]
        with m.If(advance):
            m.d.sync += [
                encoder.i.valid.eq(window.o.valid),
                target.grid.eq(found.tag.grid),
                target.quiet.eq(0),
                target.mask.eq(found.mask),
                target.last.eq(found.last),
            ]
            for value, word in zip(found.values, target.words, strict=True):
                m.d.sync += word.eq(value * found.tag.scale + found.tag.offset)
        wiring.connect(m, encoder.o, wiring.flipped(self.o))
        return m
