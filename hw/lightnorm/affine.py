"""The passes APPLY and GRAD up to the encoder: one product per value, of the few bits of a magnitude."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.block import NormFormat, Spikes
from hw.lightnorm.layouts import GRID_BITS, code_bits, either, result_bits, results, unit_size


def line(fmt: NormFormat) -> data.StructLayout:
    """A channel's result as a straight line: scale·v + base modulo 2**result_bits, in units of 2**grid.

    window_grid: unit to which v is rounded.  scale: without its sign; negative: with `negative`, results
    change their sign after all.  base: offset − mean·scale.  pull: GRAD's spike.
    """
    bits = result_bits(fmt)
    return data.StructLayout(
        {
            "window_grid": signed(GRID_BITS),
            "grid": signed(GRID_BITS),
            "scale": unsigned(fmt.scale),
            "negative": unsigned(1),
            "base": unsigned(bits),
            "pull": unsigned(bits),
        }
    )


def affine_input(fmt: NormFormat, lanes: int) -> data.StructLayout:
    """Values, the `line` of their channel, and the lanes at the extremes of their chunk (GRAD alone)."""
    return data.StructLayout({"beat": either(fmt, lanes), "line": line(fmt), "high": lanes, "low": lanes})


class Affine(wiring.Component):
    """scale·round(v) + base, less the pull at maxima and with it at minima.

    Golden: `golden.lightnorm.unit.apply` and `grad` before the encoder.  Throughput: one beat per cycle.
    Latency: 2 cycles.

    The result fits its bits, so all before the last sum may be modulo 2**result_bits: a value far to the
    left of the window loses bits that the mean has as well (docs/lightnorm.md, section 4).

    Parameters
    ----------
    fmt: number formats.  lanes: values of a beat.  spikes: their treatment.

    Members: i: stream of `affine_input`; the line may change with every beat.  o: stream of `results`.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, fmt: NormFormat, lanes: int, spikes: Spikes) -> None:
        self._fmt, self._lanes, self._spikes = fmt, lanes, spikes
        super().__init__(
            {
                "i": In(stream.Signature(affine_input(fmt, lanes))),
                "o": Out(stream.Signature(results(fmt, lanes))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fmt, lanes, bits = self._fmt, self._lanes, result_bits(self._fmt)
        size = code_bits(fmt)
        beat, line_ = self.i.payload.beat, self.i.payload.line
        advance = Signal()
        valid = Signal()
        m.d.comb += [advance.eq(~self.o.valid | self.o.ready), self.i.ready.eq(advance)]
        with m.If(advance):
            m.d.sync += Cat(valid, self.o.valid).eq(Cat(self.i.valid, valid))

        # First stage: the bits that the window has, times the scale.
        kept = {
            name: Signal(self.i.payload[part][name].shape(), reset_less=True, name=name)
            for part, names in (("beat", ("backward", "mask", "last", "signs")), ("line", _STILL))
            for name in names
        }
        high, low = Signal(lanes, reset_less=True), Signal(lanes, reset_less=True)
        with m.If(advance):
            m.d.sync += [kept[name].eq(beat[name]) for name in ("backward", "mask", "last", "signs")]
            m.d.sync += [kept[name].eq(line_[name]) for name in _STILL]
            m.d.sync += [high.eq(self.i.payload.high), low.eq(self.i.payload.low)]
        each = unit_size(fmt, lanes)
        products, ups = [], []
        for unit, stored in enumerate(beat.exponents):
            down, up = self._shifts(m, unit, stored, advance)
            ups.append(up)
            for lane in range(unit * each, (unit + 1) * each):
                padded = Signal(2 * size + 2, name=f"padded{lane}")
                factor = Signal(size + 1, name=f"factor{lane}")
                product = Signal(size + 1 + fmt.scale, reset_less=True, name=f"product{lane}")
                # Whole bits above size + 2 bits that are lost.
                m.d.comb += padded.eq((beat.magnitudes[lane] << (size + 2)) >> down)
                whole, lost = padded[size + 2 :], padded[: size + 2]
                m.d.comb += factor.eq(whole + (lost[-1] & (lost[:-1].any() | whole[0])))
                # The top bit of the factor is set in powers of two alone.
                few = factor[:size] * line_.scale
                with m.If(advance):
                    m.d.sync += product.eq(few | Mux(factor[size], line_.scale << size, 0))
                products.append(product)

        # Second: onto the grid, and the sum.
        out = self.o.payload
        at_high, at_low, base = (Signal(bits, name=f"base_{name}") for name in ("high", "low", "other"))
        m.d.comb += [
            base.eq(kept["base"]),
            at_high.eq(kept["base"] - kept["pull"]),
            at_low.eq(kept["base"] + kept["pull"]),
        ]
        quiet = high | low if self._spikes == Spikes.CLIP else 0
        with m.If(advance):
            m.d.sync += [out[name].eq(kept[name]) for name in ("backward", "mask", "last", "grid")]
            m.d.sync += out.quiet.eq(quiet)
        for lane, product in enumerate(products):
            moved = Signal(bits, name=f"moved{lane}")
            start = Signal(bits, name=f"start{lane}")
            total = Signal(bits, name=f"total{lane}")
            sign = kept["signs"][lane]
            m.d.comb += [
                moved.eq(product << ups[lane // each]),
                start.eq(base),
                total.eq((moved ^ sign.replicate(bits)) + start + sign),
            ]
            if self._spikes != Spikes.APART:
                with m.If(high[lane] & ~low[lane]):
                    m.d.comb += start.eq(at_high)
                with m.Elif(low[lane] & ~high[lane]):
                    m.d.comb += start.eq(at_low)
            minus = total[bits - 1]
            with m.If(advance):
                m.d.sync += [
                    out.magnitudes[lane].eq((total[: bits - 1] ^ minus.replicate(bits - 1)) + minus),
                    out.signs[lane].eq(minus ^ kept["negative"]),
                ]
        return m

    def _shifts(self, m: Module, unit: int, stored: Signal, advance: Signal) -> tuple[Signal, Signal]:
        """Places to the right before the product, and (in the second stage) to the left after it."""
        fmt, bits = self._fmt, result_bits(self._fmt)
        size = code_bits(fmt)
        distance = Signal(signed(GRID_BITS + 3), name=f"distance{unit}")
        down = Signal(range(size + 3), name=f"down{unit}")
        up = Signal(range(bits + 1), reset_less=True, name=f"up{unit}")
        offset = Mux(self.i.payload.beat.backward, fmt.gradient.grid, fmt.forward.grid)
        left = Mux(distance > bits, bits, distance)
        right = Mux(distance < -(size + 2), size + 2, -distance)
        negative = distance < 0
        m.d.comb += [
            distance.eq(stored + (offset - self.i.payload.line.window_grid)),
            down.eq(Mux(negative, right, 0)),
        ]
        with m.If(advance):
            m.d.sync += up.eq(Mux(negative, 0, left))
        return down, up


_STILL = ("grid", "negative", "base", "pull")
"""What of the line goes on to the second stage."""
