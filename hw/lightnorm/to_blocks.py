"""Words of int8 become beats of block floating point."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.block import GRID_BITS, BlockFormat, NormFormat, Spikes
from hw.lightnorm.encoder import Encoder
from hw.lightnorm.layouts import beat

COUNT_BITS = 16
"""Words of a channel."""


def block_beat(fmt: BlockFormat, lanes: int) -> data.StructLayout:
    """`layouts.beat`, and whether a group of it overflowed or underflowed."""
    return data.StructLayout({"beat": beat(fmt, lanes), "overflow": 1, "underflow": 1})


def _narrow(fmt: BlockFormat) -> NormFormat:
    """Number formats whose encoder is the smallest that takes int8."""
    window = max(8, fmt.magnitude_bits + 3)
    return NormFormat(fmt, fmt, window, window, reciprocal=6, scale=4, spike=0)


class ToBlocks(wiring.Component):
    """Encodes channels of int8 that come in words, one channel after the other.

    Golden: `golden.lightnorm.blocks.encode`, groups of pixels.  Throughput: one beat per cycle.  Latency:
    that of `Encoder`.  Words of more lanes than a beat leave as several beats.

    Parameters
    ----------
    fmt: of the beats.  word_lanes: values of a word.  lanes: of a beat; divides word_lanes.

    Members
    -------
    i: stream of words, int8, lane 0 in the lowest byte.  o: stream of `block_beat`.
    words: In, words of a channel, 1 or more.  last_lanes: In, values in the last one of them, 1…word_lanes.
    grid: In, an int8 stands for int8·2**grid.  All three stand still while a channel goes by.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, fmt: BlockFormat, word_lanes: int, lanes: int) -> None:
        self._fmt, self._word_lanes, self._lanes = fmt, word_lanes, lanes
        super().__init__(
            {
                "i": In(stream.Signature(8 * word_lanes)),
                "o": Out(stream.Signature(block_beat(fmt, lanes))),
                "words": In(COUNT_BITS),
                "last_lanes": In(range(word_lanes + 1)),
                "grid": In(signed(GRID_BITS)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fmt, lanes = self._fmt, self._lanes
        m.submodules.encoder = encoder = Encoder(_narrow(fmt), lanes, Spikes.BLOCK)
        source, out = encoder.i.payload, self.o.payload

        # Where the word is in its channel, and the beat in the word.
        parts = self._word_lanes // lanes
        word, part = Signal(COUNT_BITS), Signal(range(parts))
        final = word == self.words - 1
        left = Signal(range(self._word_lanes + 1))
        m.d.comb += left.eq(Mux(final, self.last_lanes, self._word_lanes) - part * lanes)
        # Beats behind the last value of a channel are not there.
        ends = (left <= lanes) if parts > 1 else Const(1)
        taken = encoder.i.valid & encoder.i.ready
        m.d.comb += [
            encoder.i.valid.eq(self.i.valid),
            self.i.ready.eq(encoder.i.ready & ends),
            source.grid.eq(self.grid),
            source.mask.eq(Cat(left > lane for lane in range(lanes))),
            source.last.eq(final & ends),
        ]
        with m.If(taken):
            m.d.sync += part.eq(Mux(ends, 0, part + 1))
            with m.If(ends):
                m.d.sync += word.eq(Mux(final, 0, word + 1))
        values = self.i.payload.word_select(part, 8 * lanes)
        for lane in range(lanes):
            value = values[8 * lane : 8 * lane + 8].as_signed()
            m.d.comb += source.words[lane].eq(value)

        coded = encoder.o.payload
        m.d.comb += [
            self.o.valid.eq(encoder.o.valid),
            encoder.o.ready.eq(self.o.ready),
            out.beat.codes.eq(
                Cat(Cat(coded.beat.magnitudes[lane], coded.beat.signs[lane]) for lane in range(lanes))
            ),
            out.beat.exponents.eq(coded.beat.exponents),
            *(out.beat[name].eq(coded.beat[name]) for name in ("mask", "last")),
            *(out[name].eq(coded[name]) for name in ("overflow", "underflow")),
        ]
        return m
