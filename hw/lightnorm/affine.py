"""The passes APPLY and GRAD up to the encoder: one product per value, of the few bits of a magnitude."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.block import GRID_BITS, NormFormat, Spikes
from hw.lightnorm.layouts import code_bits, either, result_bits, results, unit_size


def line(fmt: NormFormat) -> data.StructLayout:
    """A channel's result as a straight line: ±scale·v + base modulo 2**result_bits, in units of 2**grid.

    above: the format's grid is so many places above the unit to which v is rounded.
    scale, negative: the factor and its sign.  base: offset − mean·factor.  pull: GRAD's spike.
    """
    bits = result_bits(fmt)
    return data.StructLayout(
        {
            "above": signed(GRID_BITS + 1),
            "grid": signed(GRID_BITS),
            "scale": unsigned(fmt.scale),
            "negative": unsigned(1),
            "base": unsigned(bits),
            "pull": unsigned(bits),
        }
    )


def affine_input(fmt: NormFormat, lanes: int) -> data.StructLayout:
    """Values, and the lanes at the extremes of their chunk (GRAD alone)."""
    return data.StructLayout({"beat": either(fmt, lanes), "high": lanes, "low": lanes})


class Affine(wiring.Component):
    """factor·round(v) + base, less the pull at maxima and with it at minima.

    Golden: `golden.lightnorm.unit.apply` and `grad` before the encoder.  Throughput: one beat per cycle.
    Latency: 2 cycles.

    The result fits its bits, so all before the last sum may be modulo 2**result_bits: a value far to the
    left of the window loses bits that the mean has as well (docs/lightnorm.md, section 4).

    Parameters
    ----------
    fmt: number formats.  lanes: values of a beat.  spikes: their treatment.

    Members
    -------
    i: stream of `affine_input`.  o: stream of `results`.
    line: In, of the beats that come and of those inside: it may change where neither `i` has a beat nor
    `busy` is set.  busy: Out, beats are inside.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, fmt: NormFormat, lanes: int, spikes: Spikes) -> None:
        self._fmt, self._lanes, self._spikes = fmt, lanes, spikes
        super().__init__(
            {
                "i": In(stream.Signature(affine_input(fmt, lanes))),
                "line": In(line(fmt)),
                "busy": Out(1),
                "o": Out(stream.Signature(results(fmt, lanes))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fmt, lanes, bits = self._fmt, self._lanes, result_bits(self._fmt)
        size = code_bits(fmt)
        beat = self.i.payload.beat
        advance = Signal()
        valid = Signal()
        m.d.comb += [
            advance.eq(~self.o.valid | self.o.ready),
            self.i.ready.eq(advance),
            self.busy.eq(valid | self.o.valid),
        ]
        names = ("backward", "mask", "last")
        kept = {name: Signal(beat[name].shape(), reset_less=True, name=name) for name in names}
        high, low = Signal(lanes, reset_less=True), Signal(lanes, reset_less=True)
        with m.If(advance):
            m.d.sync += Cat(valid, self.o.valid).eq(Cat(self.i.valid, valid))
            m.d.sync += [kept[name].eq(beat[name]) for name in names]
            m.d.sync += [high.eq(self.i.payload.high), low.eq(self.i.payload.low)]

        # First stage: the bits that the window has.
        each = unit_size(fmt, lanes)
        factors, ups, signs = [], [], Signal(lanes, reset_less=True)
        with m.If(advance):
            m.d.sync += signs.eq(beat.signs ^ self.line.negative.replicate(lanes))
        for unit, stored in enumerate(beat.exponents):
            right, down, up = self._shifts(m, unit, stored, advance)
            ups.append(up)
            for lane in range(unit * each, (unit + 1) * each):
                padded = Signal(2 * size + 2, name=f"padded{lane}")
                factor = Signal(size + 1, reset_less=True, name=f"factor{lane}")
                # Whole bits above size + 2 bits that are lost.
                magnitude = beat.magnitudes[lane]
                m.d.comb += padded.eq(Mux(right, (magnitude << (size + 1)) >> down, magnitude << (size + 2)))
                whole, lost = padded[size + 2 :], padded[: size + 2]
                with m.If(advance):
                    m.d.sync += factor.eq(whole + (lost[-1] & (lost[:-1].any() | whole[0])))
                factors.append(factor)

        # Second: times the scale, onto the grid, and the sum.
        out = self.o.payload
        at_high, at_low = Signal(bits), Signal(bits)
        m.d.comb += [
            at_high.eq(self.line.base - self.line.pull),
            at_low.eq(self.line.base + self.line.pull),
            out.grid.eq(self.line.grid),
        ]
        quiet = high | low if self._spikes == Spikes.CLIP else 0
        with m.If(advance):
            m.d.sync += [out[name].eq(kept[name]) for name in names]
            m.d.sync += out.quiet.eq(quiet)
        for lane, factor in enumerate(factors):
            product = Signal(size + 1 + fmt.scale, name=f"product{lane}")
            moved = Signal(bits, name=f"moved{lane}")
            start = Signal(bits, name=f"start{lane}")
            sign = signs[lane]
            # The top bit of the factor is set in powers of two alone.
            few = factor[:size] * self.line.scale
            m.d.comb += [
                product.eq(few | Mux(factor[size], self.line.scale << size, 0)),
                moved.eq((product << ups[lane // each]) ^ sign.replicate(bits)),
                start.eq(self.line.base),
            ]
            if self._spikes != Spikes.APART:
                with m.If(high[lane] & ~low[lane]):
                    m.d.comb += start.eq(at_high)
                with m.Elif(low[lane] & ~high[lane]):
                    m.d.comb += start.eq(at_low)
            with m.If(advance):
                m.d.sync += out.words[lane].eq(moved + start + sign)
        return m

    def _shifts(self, m: Module, unit: int, stored: Signal, advance: Signal) -> tuple[Value, Signal, Signal]:
        """Whether a magnitude goes to the right before the product; how far, but for the first place; and (in
        the second stage) places to the left after it."""
        fmt, bits = self._fmt, result_bits(self._fmt)
        size = code_bits(fmt)
        distance = Signal(signed(GRID_BITS + 3), name=f"distance{unit}")
        down = Signal(range(size + 2), name=f"down{unit}")
        up = Signal(range(bits + 1), reset_less=True, name=f"up{unit}")
        left = Mux(distance > bits, bits, distance)
        # The complement of a negative distance is one too small.
        negative, beyond = distance[-1], (~distance)[:-1]
        m.d.comb += [
            distance.eq(stored + self.line.above),
            down.eq(Mux(beyond >= size + 1, size + 1, beyond)),
        ]
        with m.If(advance):
            m.d.sync += up.eq(Mux(negative, 0, left))
        return negative, down, up
