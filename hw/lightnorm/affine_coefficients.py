"""Keeps a channel's line still while its beats go by."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.block import NormFormat
from hw.lightnorm.affine import line
from hw.lightnorm.layouts import pass_words, result_bits


def channel_words(fmt: NormFormat) -> data.StructLayout:
    """`pass_words` and the pass that they are for."""
    return data.StructLayout({"backward": 1, "words": pass_words(fmt)})


class AffineCoefficients(wiring.Component):
    """The line of a channel from its words: base = offset − mean·factor, a bit of the factor each cycle.

    Golden: none of its own; `golden.lightnorm.unit.apply` multiplies value − mean.  Latency:
    fmt.scale + 1 cycles.  One channel at a time.

    Parameters: fmt: number formats.

    Members
    -------
    i: stream of `channel_words`.  o: Out, `line`, and `backward`, true while `valid`.
    done: In, the last beat of the channel goes by.  busy: In, beats are on their way that need the line.
    """

    i: stream.Interface

    def __init__(self, fmt: NormFormat) -> None:
        self._fmt = fmt
        super().__init__(
            {
                "i": In(stream.Signature(channel_words(fmt))),
                "o": Out(line(fmt)),
                "backward": Out(1),
                "valid": Out(1),
                "done": In(1),
                "busy": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fmt, bits = self._fmt, result_bits(self._fmt)
        words = self.i.payload.words
        kept = Signal(line(fmt), reset_less=True)
        mean = Signal(bits, reset_less=True)
        backward = Signal(reset_less=True)
        full = Signal()
        left = Signal(range(fmt.scale + 1))
        term = Signal(bits)
        minus = words.scale < 0
        m.d.comb += [
            self.o.eq(kept),
            self.backward.eq(backward),
            self.valid.eq(full & (left == 0)),
            self.i.ready.eq(~full & ~self.busy),
            # Added where the factor is negative, else subtracted.
            term.eq(Mux(kept.scale[0], mean, 0) ^ (~kept.negative).replicate(bits)),
        ]
        with m.If(self.done):
            m.d.sync += full.eq(0)
        with m.If(left != 0):
            # The scale turns once around.
            m.d.sync += [
                left.eq(left - 1),
                mean.eq(mean << 1),
                kept.scale.eq(Cat(kept.scale[1:], kept.scale[0])),
                kept.base.eq(kept.base + term + ~kept.negative),
            ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [
                full.eq(1),
                left.eq(fmt.scale),
                mean.eq(words.mean),
                backward.eq(self.i.payload.backward),
                kept.above.eq(
                    Mux(self.i.payload.backward, fmt.gradient.grid, fmt.forward.grid) - words.window_grid
                ),
                kept.grid.eq(words.grid),
                kept.scale.eq(Mux(minus, -words.scale, words.scale)),
                kept.negative.eq(minus),
                kept.base.eq(Mux(self.i.payload.backward, 0, words.addend)),
                kept.pull.eq(Mux(self.i.payload.backward, words.addend, 0)),
            ]
        return m
