"""The encoder: integers to block floating point, of the forward or the gradient format."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.block import BlockFormat, NormFormat, Rounding, Spikes
from hw.lightnorm.layouts import (
    GRID_BITS,
    code_bits,
    either,
    exponent_bits,
    result_bits,
    results,
    unit_size,
)
from hw.lightnorm.peak import Peak, by_group, joined


def encoded(fmt: NormFormat, lanes: int) -> data.StructLayout:
    """A beat, and whether a group of it overflowed or underflowed."""
    return data.StructLayout({"beat": either(fmt, lanes), "overflow": 1, "underflow": 1})


def leading_one(value: Value) -> Value:
    """The place of the highest bit that is set; anything for zero."""
    if len(value) == 1:
        return Const(0, 0)
    half = 1 << ((len(value) - 1).bit_length() - 1)
    high, low = value[half:], value[:half]
    some = high.any()
    upper = leading_one(high)
    return Cat(Mux(some, upper, leading_one(low))[: (half - 1).bit_length()], some)


class Encoder(wiring.Component):
    """Shared exponents and rounded magnitudes of groups of integers.

    Golden: `golden.lightnorm.blocks.encode`.  Throughput: one beat per cycle.
    Latency: 2 cycles; where a group of either format is longer than a beat, 3 cycles and the beats of a
    group.

    Parameters
    ----------
    fmt: number formats.  lanes: values of a beat, a power of two.  spikes: as `Peak`'s.

    Members: i: stream of `results`.  o: stream of `encoded`; the flag of a group longer than a beat comes
    with its last beat.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, fmt: NormFormat, lanes: int, spikes: Spikes) -> None:
        self._fmt, self._lanes, self._spikes = fmt, lanes, spikes
        super().__init__(
            {
                "i": In(stream.Signature(results(fmt, lanes))),
                "o": Out(stream.Signature(encoded(fmt, lanes))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fmt, lanes = self._fmt, self._lanes
        m.submodules.peak = peak = Peak(fmt, lanes, self._spikes)
        wiring.connect(m, wiring.flipped(self.i), peak.i)
        advance = Signal()
        valid = Signal()
        source = peak.o.payload.results
        out = self.o.payload
        m.d.comb += [advance.eq(~self.o.valid | self.o.ready), peak.o.ready.eq(advance)]
        names = ("backward", "mask", "last", "signs")
        kept = {name: Signal(source[name].shape(), reset_less=True, name=name) for name in names}
        ends, seen = Signal(reset_less=True), Signal()
        with m.If(advance):
            m.d.sync += [ends.eq(peak.o.payload.ends), *(kept[name].eq(source[name]) for name in names)]
            m.d.sync += Cat(valid, self.o.valid).eq(Cat(peak.o.valid, valid))
            m.d.sync += [out.beat[name].eq(kept[name]) for name in names if name != "signs"]

        # First stage: exponents, and every magnitude shifted; second: rounded.
        size = unit_size(fmt, lanes)
        zeros, somes, overs = [], [], []
        for unit in range(lanes // size):
            union = peak.o.payload.unions[unit]
            shift, place, stored, over = self._exponent(m, unit, peak.o.payload)
            later = [
                Signal.like(stored, reset_less=True),
                Signal(name=f"over{unit}"),
                Signal(name=f"any{unit}"),
            ]
            with m.If(advance):
                m.d.sync += Cat(later).eq(Cat(stored, over, union.all_ones.any()))
                m.d.sync += out.beat.exponents[unit].eq(later[0])
            codes = []
            for lane in range(unit * size, (unit + 1) * size):
                code = self._round(m, source, lane, shift, place, kept["backward"], advance)
                codes.append(code)
                with m.If(advance):
                    m.d.sync += [
                        out.beat.magnitudes[lane].eq(code),
                        out.beat.signs[lane].eq(kept["signs"][lane] & (code != 0)),
                    ]
            zeros.append(~Cat(Mux(kept["mask"][unit * size + i], c, 0) for i, c in enumerate(codes)).any())
            somes.append(later[2])
            overs.append(later[1])
        filled = by_group(fmt, lanes, [~zero for zero in zeros], kept["backward"], joined)
        lost = [some & ~(full | seen) for some, full in zip(somes, filled, strict=True)]
        with m.If(advance):
            m.d.sync += [out.overflow.eq(Cat(overs).any()), out.underflow.eq(ends & Cat(lost).any())]
            with m.If(valid):
                # Whether an earlier beat of the same group had a code other than zero.
                m.d.sync += seen.eq(~ends & (seen | Cat(filled).any()))
        return m

    def _exponent(self, m: Module, unit: int, source: data.View) -> tuple[Signal, Signal, Signal, Signal]:
        """A unit's (right shift of magnitude << code_bits, place of E among the bits or −1, stored E,
        overflow)."""
        fmt, bits = self._fmt, result_bits(self._fmt) - 1
        union = source.unions[unit]
        backward = source.results.backward
        peak = Mux(union.counted, union.ones, union.all_ones)
        starts = Mux(union.counted, union.runs, union.all_runs)
        top = Signal(range(bits), name=f"top{unit}")
        carry = Signal(name=f"carry{unit}")
        some = Signal(name=f"some{unit}")
        nearest = self._choose(backward, lambda b: int(b.rounding == Rounding.NEAREST))
        m.d.comb += [
            top.eq(leading_one(peak)),
            some.eq(peak.any()),
            carry.eq(nearest & starts.bit_select(top, 1)),
        ]
        # The grid as an exponent would be stored.
        origin = Signal(signed(GRID_BITS + 1), name=f"origin{unit}")
        raw = Signal(signed(GRID_BITS + 2), name=f"raw{unit}")
        most = self._choose(backward, lambda b: b.exponent_high - b.exponent_low)
        stored = Signal(exponent_bits(fmt), name=f"stored{unit}")
        distance = Signal(signed(GRID_BITS + 3), name=f"distance{unit}")
        over = Signal(name=f"overflow{unit}")
        rank = Signal(range(bits + 2), name=f"rank{unit}")
        m.d.comb += [
            origin.eq(source.results.grid - self._choose(backward, lambda b: b.exponent_low)),
            rank.eq(top + carry),
            raw.eq(rank + origin),
            over.eq(some & (raw > most)),
        ]
        with m.If(~some | (raw < 0)):
            m.d.comb += [stored.eq(0), distance.eq(-origin)]
        with m.Elif(over):
            m.d.comb += [stored.eq(most), distance.eq(most - origin)]
        with m.Else():
            m.d.comb += [stored.eq(raw), distance.eq(rank)]
        far = bits + code_bits(fmt)
        place = Signal(signed((far + 1).bit_length() + 1), name=f"place{unit}")
        shift = Signal(range(far + code_bits(fmt) + 1), name=f"shift{unit}")
        spare = self._choose(backward, lambda b: code_bits(fmt) - b.magnitude_bits)
        m.d.comb += [
            place.eq(Mux(distance < 0, -1, Mux(distance > far, far, distance))),
            shift.eq(Mux(distance < 0, 0, place + spare)),
        ]
        return shift, place, stored, over

    def _round(
        self,
        m: Module,
        source: data.View,
        lane: int,
        shift: Signal,
        place: Signal,
        later_backward: Signal,
        advance: Signal,
    ) -> Signal:
        """First stage, and the magnitude for the second: magnitude · 2**(M − 1 − place), rounded."""
        fmt = self._fmt
        size, bits = code_bits(fmt), result_bits(fmt) - 1
        magnitude = source.magnitudes[lane]
        whole = Signal(size + 1, reset_less=True, name=f"whole{lane}")
        big = Signal(reset_less=True, name=f"big{lane}")
        sticky = Signal(reset_less=True, name=f"sticky{lane}")
        # Bit j is set where j <= place.
        reach = ~(Const(-1, bits + size + 2) << (place + 1).as_unsigned())

        def lost(block: BlockFormat) -> Value:
            below = reach[block.magnitude_bits + 1 :][:bits]
            return (magnitude & below).any()

        with m.If(advance):
            m.d.sync += [
                whole.eq((magnitude << size) >> shift),
                big.eq((magnitude & ~reach[:bits]).any()),
                sticky.eq(self._choose(source.backward, lost)),
            ]
        rounded = Signal(size + 1, name=f"rounded{lane}")
        code = Signal(size, name=f"code{lane}")
        largest = self._choose(later_backward, lambda b: b.largest)
        nearest = self._choose(later_backward, lambda b: int(b.rounding == Rounding.NEAREST))
        kept = self._choose(later_backward, lambda b: whole[1 : b.magnitude_bits + 1])
        m.d.comb += [
            rounded.eq(kept + (nearest & whole[0] & (sticky | whole[1]))),
            code.eq(Mux(big | (rounded > largest), largest, rounded)),
        ]
        return code

    def _choose(self, backward: Value, of: Any) -> Any:
        """A property of the format of a beat."""
        forward, gradient = of(self._fmt.forward), of(self._fmt.gradient)
        if isinstance(forward, int) and forward == gradient:
            return forward
        return Mux(backward, gradient, forward)
