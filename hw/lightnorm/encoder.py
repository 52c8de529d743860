"""The encoder: integers to block floating point, of the forward or the gradient format."""

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.block import NormFormat, Spikes
from golden.spec.latency import ENCODE
from hw.lightnorm.exponents import Exponent, Exponents
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
from hw.parts.delay import delayed


def encoded(fmt: NormFormat, lanes: int) -> data.StructLayout:
    """A beat, and whether a group of it overflowed or underflowed."""
    return data.StructLayout({"beat": either(fmt, lanes), "overflow": 1, "underflow": 1})


class Encoder(wiring.Component):
    """Shared exponents and rounded magnitudes of groups of integers.

    Negative numbers stay complemented, one below their magnitude, until they are rounded: all bits below
    a kept one tell whether that makes a difference.  Where groups are within a beat, the rounded
    magnitudes tell whether the next exponent is needed, and are then rounded once more, at that one.

    Golden: `golden.lightnorm.blocks.encode`.  Throughput: one beat per cycle.
    Latency: `latency.ENCODE` cycles; where a group of either format is longer than a beat, one more and the
    beats of a group.

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
        valid = Signal(ENCODE - 1)
        out = self.o.payload
        m.d.comb += [advance.eq(~self.o.valid | self.o.ready), peak.o.ready.eq(advance)]
        # First stage: the leading ones; second: exponents; third: every number shifted; fourth: rounded.
        sources = delayed(m, peak.o.payload.results, ENCODE - 2, "source", advance)
        source = sources[-1]
        ends = delayed(m, peak.o.payload.ends, ENCODE - 1, "ends", advance)[-1]
        names = ("backward", "mask", "last")
        kept = {name: Signal(source[name].shape(), reset_less=True, name=name) for name in names}
        seen = Signal()
        with m.If(advance):
            m.d.sync += [kept[name].eq(source[name]) for name in names]
            m.d.sync += Cat(valid, self.o.valid).eq(Cat(peak.o.valid, valid))
            m.d.sync += [out.beat[name].eq(kept[name]) for name in names]

        size = unit_size(fmt, lanes)
        units: list[list[Shifted]] = []
        many = range(lanes // size)
        overs, rooms = ([Signal(name=f"{key}{i}") for i in many] for key in ("over", "room"))
        storeds = [Signal(exponent_bits(fmt), reset_less=True, name=f"later{i}") for i in many]
        somes = []
        exponents = Exponents(fmt, lanes, m, sources, advance)
        for unit in many:
            union = peak.o.payload.unions[unit]
            found = exponents.of(unit, union)
            with m.If(advance):
                m.d.sync += [
                    storeds[unit].eq(found.stored),
                    overs[unit].eq(found.over),
                    rooms[unit].eq(found.room),
                ]
            somes.append(delayed(m, union.all_ones.any(), ENCODE - 1, f"some{unit}_", advance)[-1])
            counted = delayed(m, union.counted, ENCODE - 2, f"counted{unit}_", advance)[-1]
            units.append(
                [
                    self._shifted(m, source, lane, found, kept, counted, advance)
                    for lane in range(unit * size, (unit + 1) * size)
                ]
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
            with m.If(valid[-1]):
                # Whether an earlier beat of the same group had a code other than zero.
                m.d.sync += seen.eq(~ends & (seen | Cat(filled).any()))
        return m

    def _shifted(
        self,
        m: Module,
        source: data.View,
        number: int,
        at: Exponent,
        later: dict[str, Signal],
        counted: Value,
        advance: Signal,
    ) -> Shifted:
        """Third stage: what of a number is needed to round it at its place, or one place above."""
        fmt, place = self._fmt, at.place
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
        below = ~(Const(-1, bits + size) << at.shift)[size:][:bits]
        with m.If(advance):
            m.d.sync += [
                whole.eq(Cat(word[-1].replicate(size), ones) >> at.shift),
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
