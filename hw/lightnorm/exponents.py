"""The first two stages of the encoder: the exponents that groups share."""

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data

from golden.spec.block import GRID_BITS, NormFormat, Rounding
from hw.lightnorm.layouts import code_bits, exponent_bits, result_bits
from hw.lightnorm.peak import longest
from hw.lightnorm.rounding import choose
from hw.parts.delay import delayed


def leading_one(value: Value) -> Value:
    """The place of the highest bit that is set; 0 for zero."""
    if len(value) == 1:
        return Const(0, 0)
    half = 1 << ((len(value) - 1).bit_length() - 1)
    high, low = value[half:], value[:half]
    some = high.any()
    upper = leading_one(high)
    return Cat(Mux(some, upper, leading_one(low))[: (half - 1).bit_length()], some)


@dataclass(frozen=True)
class Exponent:
    """Of a unit, in the third stage.

    Parameters
    ----------
    shift: right shift of number << code_bits.  place: place of E among the bits, or −1.
    stored: E as it is stored.  over: overflow.  room: whether E may become one larger.
    """

    shift: Signal
    place: Signal
    stored: Signal
    over: Signal
    room: Signal


class Exponents:
    """Builds the exponents of the units of a beat.

    Parameters
    ----------
    sources: `results` of the first stage and of the ones behind it.  advance: all stages move.
    """

    def __init__(self, fmt: NormFormat, lanes: int, m: Module, sources: list[Any], advance: Value) -> None:
        self._fmt, self._lanes, self._m, self._sources, self._advance = fmt, lanes, m, sources, advance
        bits = result_bits(fmt) - 1
        self._far = bits + code_bits(fmt)
        grid, backward = sources[0].grid, sources[0].backward
        # The grid as an exponent would be stored, and where the ends of the exponents lie.
        self._origin = Signal(signed(GRID_BITS + 1), reset_less=True, name="origin")
        origin = Signal.like(self._origin, name="first_origin")
        m.d.comb += origin.eq(grid - choose(fmt, backward, lambda b: b.exponent_low))
        with m.If(advance):
            m.d.sync += self._origin.eq(origin)
        self._lowest = self._end("lowest", -origin)
        self._highest = self._end("highest", self._most(backward) - origin)

    def _most(self, backward: Value) -> Any:
        """The largest stored exponent."""
        return choose(self._fmt, backward, lambda b: b.exponent_high - b.exponent_low)

    def _layout(self) -> data.StructLayout:
        far = self._far
        return data.StructLayout(
            {"place": signed((far + 1).bit_length() + 1), "shift": range(far + code_bits(self._fmt) + 1)}
        )

    def _spare(self, backward: Value) -> Any:
        return choose(self._fmt, backward, lambda b: code_bits(self._fmt) - b.magnitude_bits)

    def _end(self, name: str, distance: Value) -> Any:
        """Place and shift of a distance that may be anything, in the second stage."""
        m, far = self._m, self._far
        end = Signal(self._layout(), reset_less=True, name=name)
        near = Mux(distance > far, far, distance)
        with m.If(self._advance):
            m.d.sync += [
                end.place.eq(Mux(distance < 0, -1, near)),
                end.shift.eq(Mux(distance < 0, 0, near + self._spare(self._sources[0].backward))),
            ]
        return end

    def of(self, unit: int, union: data.View) -> Exponent:
        """Of the unit with this union, which is in the first stage."""
        m, fmt, bits = self._m, self._fmt, result_bits(self._fmt) - 1
        # First stage.
        peak = Mux(union.counted, union.ones, union.all_ones)
        first = Signal(range(bits), name=f"top{unit}")
        m.d.comb += first.eq(leading_one(peak[1:]))
        top, carry, some = (
            Signal(shape, reset_less=True, name=f"{name}{unit}")
            for name, shape in (("leading", range(bits)), ("carry", 1), ("some", 1))
        )
        with m.If(self._advance):
            m.d.sync += [top.eq(first), some.eq(peak.any())]
            if longest(fmt, self._lanes) > 1:
                starts = Mux(union.counted, union.runs, union.all_runs)
                nearest = choose(
                    fmt, self._sources[0].backward, lambda b: int(b.rounding == Rounding.NEAREST)
                )
                m.d.sync += carry.eq(nearest & starts.bit_select(first, 1))
        # Second stage.
        backward = self._sources[1].backward
        most = self._most(backward)
        rank = Signal(range(bits + 2), name=f"rank{unit}")
        raw = Signal(signed(GRID_BITS + 2), name=f"raw{unit}")
        stored = Signal(exponent_bits(fmt), name=f"stored{unit}")
        over = Signal(name=f"overflow{unit}")
        m.d.comb += [rank.eq(top + carry), raw.eq(rank + self._origin), over.eq(some & (raw > most))]
        here = Signal(self._layout(), name=f"here{unit}")
        with m.If(~some | (raw < 0)):
            m.d.comb += [stored.eq(0), here.eq(self._lowest)]
        with m.Elif(over):
            m.d.comb += [stored.eq(most), here.eq(self._highest)]
        with m.Else():
            m.d.comb += [stored.eq(raw), here.place.eq(rank), here.shift.eq(rank + self._spare(backward))]
        return Exponent(
            *(
                delayed(m, value, 1, f"{name}{unit}_", self._advance)[-1]
                for name, value in (
                    ("shift", here.shift),
                    ("place", here.place),
                    ("stored", stored),
                    ("over", over),
                    ("room", raw < most),
                )
            )
        )
