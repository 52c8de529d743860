"""The encoder: integers to block floating point, of the forward or the gradient format."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.block import GRID_BITS, NormFormat, Rounding, Spikes
from hw.lightnorm.layouts import (
    code_bits,
    either,
    exponent_bits,
    result_bits,
    results,
    unit_size,
)
from hw.lightnorm.peak import Peak, by_group, complemented, joined, longest
from hw.lightnorm.rounding import Shifted, choose, magnitude, rounds_up


def encoded(fmt: NormFormat, lanes: int) -> data.StructLayout:
    """A beat, and whether a group of it overflowed or underflowed."""
    return data.StructLayout({"beat": either(fmt, lanes), "overflow": 1, "underflow": 1})


def leading_one(value: Value) -> Value:
    """The place of the highest bit that is set; 0 for zero."""
    if len(value) == 1:
        return Const(0, 0)
    half = 1 << ((len(value) - 1).bit_length() - 1)
    high, low = value[half:], value[:half]
    some = high.any()
    upper = leading_one(high)
    return Cat(Mux(some, upper, leading_one(low))[: (half - 1).bit_length()], some)


class Encoder(wiring.Component):
    """Shared exponents and rounded magnitudes of groups of integers.

    Negative numbers stay complemented, one below their magnitude, until they are rounded: all bits below
    a kept one tell whether that makes a difference.  Where groups are within a beat, the rounded
    magnitudes tell whether the next exponent is needed, and are then rounded once more, at that one.

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
        names = ("backward", "mask", "last")
        kept = {name: Signal(source[name].shape(), reset_less=True, name=name) for name in names}
        ends, seen = Signal(reset_less=True), Signal()
        with m.If(advance):
            m.d.sync += [ends.eq(peak.o.payload.ends), *(kept[name].eq(source[name]) for name in names)]
            m.d.sync += Cat(valid, self.o.valid).eq(Cat(peak.o.valid, valid))
            m.d.sync += [out.beat[name].eq(kept[name]) for name in names]

        # First stage: exponents, and every number shifted; second: rounded.
        size = unit_size(fmt, lanes)
        units: list[list[Shifted]] = []
        many = range(lanes // size)
        overs, rooms, somes = ([Signal(name=f"{key}{i}") for i in many] for key in ("over", "room", "some"))
        storeds = [Signal(exponent_bits(fmt), reset_less=True, name=f"later{i}") for i in many]
        for unit in many:
            union = peak.o.payload.unions[unit]
            shift, place, stored, over, room = self._exponent(m, unit, peak.o.payload)
            with m.If(advance):
                m.d.sync += [
                    storeds[unit].eq(stored),
                    overs[unit].eq(over),
                    rooms[unit].eq(room),
                    somes[unit].eq(union.all_ones.any()),
                ]
            here = range(unit * size, (unit + 1) * size)
            units.append(
                [self._shifted(m, source, lane, shift, place, kept, union.counted, advance) for lane in here]
            )
        exceeds = by_group(
            fmt, lanes, [joined([lane.exceeds for lane in unit]) for unit in units], kept["backward"], joined
        )
        filled = []
        for unit, members in enumerate(units):
            raised = Signal(name=f"raised{unit}")
            if longest(fmt, lanes) == 1:
                m.d.comb += raised.eq(exceeds[unit] & rooms[unit])
            codes = [magnitude(fmt, m, lane, raised, kept["backward"]) for lane in members]
            with m.If(advance):
                m.d.sync += out.beat.exponents[unit].eq(storeds[unit] + raised)
                for lane, code in zip(members, codes, strict=True):
                    m.d.sync += [
                        out.beat.magnitudes[lane.number].eq(code),
                        out.beat.signs[lane.number].eq(lane.minus & (code != 0)),
                    ]
            inside = kept["mask"][unit * size :][:size]
            filled.append(Cat(code.any() & some for code, some in zip(codes, inside, strict=True)).any())
        filled = by_group(fmt, lanes, filled, kept["backward"], joined)
        lost = [some & ~(full | seen) for some, full in zip(somes, filled, strict=True)]
        above = [over | (full & ~room) for over, full, room in zip(overs, exceeds, rooms, strict=True)]
        with m.If(advance):
            m.d.sync += [out.overflow.eq(Cat(above).any()), out.underflow.eq(ends & Cat(lost).any())]
            with m.If(valid):
                # Whether an earlier beat of the same group had a code other than zero.
                m.d.sync += seen.eq(~ends & (seen | Cat(filled).any()))
        return m

    def _exponent(
        self, m: Module, unit: int, source: data.View
    ) -> tuple[Signal, Signal, Signal, Signal, Value]:
        """A unit's (right shift of number << code_bits, place of E among the bits or −1, stored E,
        overflow, whether E may become one larger)."""
        fmt, bits = self._fmt, result_bits(self._fmt) - 1
        union = source.unions[unit]
        backward = source.results.backward
        peak = Mux(union.counted, union.ones, union.all_ones)
        top = Signal(range(bits), name=f"top{unit}")
        carry = Signal(name=f"carry{unit}")
        some = Signal(name=f"some{unit}")
        m.d.comb += [top.eq(leading_one(peak[1:])), some.eq(peak.any())]
        if longest(fmt, self._lanes) > 1:
            starts = Mux(union.counted, union.runs, union.all_runs)
            nearest = choose(fmt, backward, lambda b: int(b.rounding == Rounding.NEAREST))
            m.d.comb += carry.eq(nearest & starts.bit_select(top, 1))
        # The grid as an exponent would be stored.
        origin = Signal(signed(GRID_BITS + 1), name=f"origin{unit}")
        raw = Signal(signed(GRID_BITS + 2), name=f"raw{unit}")
        most = choose(fmt, backward, lambda b: b.exponent_high - b.exponent_low)
        stored = Signal(exponent_bits(fmt), name=f"stored{unit}")
        distance = Signal(signed(GRID_BITS + 3), name=f"distance{unit}")
        over = Signal(name=f"overflow{unit}")
        rank = Signal(range(bits + 2), name=f"rank{unit}")
        m.d.comb += [
            origin.eq(source.results.grid - choose(fmt, backward, lambda b: b.exponent_low)),
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
        spare = choose(fmt, backward, lambda b: code_bits(fmt) - b.magnitude_bits)
        m.d.comb += [
            place.eq(Mux(distance < 0, -1, Mux(distance > far, far, distance))),
            shift.eq(Mux(distance < 0, 0, place + spare)),
        ]
        return shift, place, stored, over, raw < most

    def _shifted(
        self,
        m: Module,
        source: data.View,
        number: int,
        shift: Signal,
        place: Signal,
        later: dict[str, Signal],
        counted: Value,
        advance: Signal,
    ) -> Shifted:
        """First stage: what of a number is needed to round it at `place`, or one place above."""
        fmt = self._fmt
        size, bits = code_bits(fmt), result_bits(fmt) - 1
        word = source.words[number]
        ones = complemented(word)
        clip = self._spikes == Spikes.CLIP
        # Only a number that does not count can have a one above its group's.
        whole = Signal(size + 1 + clip, reset_less=True, name=f"whole{number}")
        big, sticky, minus = (
            Signal(reset_less=True, name=f"{name}{number}") for name in ("big", "sticky", "minus")
        )
        # Bit j is set where j <= place.
        reach = ~(Const(-1, bits + size + 2) << (place + 1).as_unsigned())
        within = Cat(Const(1, 1), reach)[:bits] if clip else reach[:bits]

        # Bits that are shifted out.
        below = ~(Const(-1, bits + size) << shift)[size:][:bits]
        with m.If(advance):
            m.d.sync += [
                whole.eq(Cat(word[-1].replicate(size), ones) >> shift),
                big.eq((ones & ~within).any() | ((place < 0) & (ones[0] | word[-1]))),
                sticky.eq((word[:bits] & below).any()),
                minus.eq(word[-1]),
            ]
        counts = later["mask"][number]
        if clip:
            counts = Signal(reset_less=True, name=f"counts{number}")
            with m.If(advance):
                m.d.sync += counts.eq(source.mask[number] & ~(source.quiet[number] & counted))
        backward = later["backward"]
        full = choose(fmt, backward, lambda b: whole[1 : b.magnitude_bits + 1].all())
        up = rounds_up(fmt, backward, minus, whole, sticky)
        return Shifted(number, whole, big, sticky, minus, counts & full & up)
