"""The encoder: integers to block floating point."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.block import BlockFormat, Rounding
from hw.lightnorm.layouts import GRID_BITS, beat, groups, lane_group, words
from hw.lightnorm.peak import Peak


def encoded(fmt: BlockFormat, lanes: int) -> data.StructLayout:
    """A beat, and for its groups whether they overflowed or underflowed."""
    return data.StructLayout(
        {"beat": beat(fmt, lanes), "overflow": groups(fmt, lanes), "underflow": groups(fmt, lanes)}
    )


class Encoder(wiring.Component):
    """Shared exponents and rounded magnitudes of groups of integers.

    Golden: `golden.lightnorm.blocks.encode`.  Throughput: one beat per cycle.
    Latency: 4 cycles; where a group is longer than a beat, at most 5 cycles and the beats of a group.

    Parameters
    ----------
    fmt: of the output.  bits: of the signed input words, more than fmt.magnitude_bits.
    lanes: values of a beat, a power of two.

    Members: i: stream of `words`.  o: stream of `encoded`; the flag of a group longer than a beat comes
    with its last beat.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, fmt: BlockFormat, bits: int, lanes: int) -> None:
        self._fmt, self._bits, self._lanes = fmt, bits, lanes
        super().__init__(
            {
                "i": In(stream.Signature(words(bits, lanes))),
                "o": Out(stream.Signature(encoded(fmt, lanes))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.peak = peak = Peak(self._fmt, self._bits, self._lanes)
        wiring.connect(m, wiring.flipped(self.i), peak.i)
        advance = Signal()
        m.d.comb += [advance.eq(~self.o.valid | self.o.ready), peak.o.ready.eq(advance)]
        fmt, lanes = self._fmt, self._lanes
        size = lane_group(fmt, lanes)
        exponents = [self._exponent(m, group, peak.o.payload, advance) for group in range(groups(fmt, lanes))]
        source = Signal(peak.o.payload.shape())
        valid = Signal(2)
        with m.If(advance):
            m.d.sync += [source.eq(peak.o.payload), Cat(valid, self.o.valid).eq(Cat(peak.o.valid, valid))]

        # Second stage: every magnitude shifted; third: rounded.
        target = self.o.payload.beat
        still = [("mask", 1), ("last", 1), ("signs", 0)]
        kept = {name: Signal.like(source[name], name=f"kept_{name}") for name, _ in still}
        with m.If(advance):
            m.d.sync += [kept[name].eq(source[name]) for name, _ in still]
            m.d.sync += [target[name].eq(kept[name]) for name, out in still if out]
        for group, (shift, huge, stored, over) in enumerate(exponents):
            zero = Signal(size, name=f"zero{group}")
            for member in range(size):
                lane = group * size + member
                code = self._round(m, source.magnitudes[lane], shift, huge, advance, f"{lane}")
                m.d.comb += zero[member].eq(code == 0)
                with m.If(advance):
                    m.d.sync += target.codes[lane].eq(Cat(code, kept["signs"][lane] & (code != 0)))
            later = [Signal.like(stored), Signal(name=f"over{group}"), Signal(), Signal()]
            seen = Signal(name=f"seen{group}")
            with m.If(advance):
                m.d.sync += [
                    Cat(later).eq(Cat(stored, over, source.any[group], source.ends)),
                    target.exponents[group].eq(later[0]),
                    self.o.payload.overflow[group].eq(later[1]),
                    self.o.payload.underflow[group].eq(later[2] & later[3] & zero.all() & ~seen),
                ]
                with m.If(valid[1]):
                    # Whether an earlier beat of the same group had a code other than zero.
                    m.d.sync += seen.eq(~later[3] & (seen | ~zero.all()))
        return m

    def _exponent(
        self, m: Module, group: int, source: data.View, advance: Signal
    ) -> tuple[Signal, Signal, Signal, Signal]:
        """First stage, a group's (right shift after M zeros and a bit, saturate all, stored E, overflow)."""
        fmt, bits = self._fmt, self._bits
        peak = source.peaks[group]
        grid = source.grid.as_signed()
        top = Signal(range(bits), name=f"top{group}")
        for bit in range(bits):
            with m.If(peak[bit]):
                m.d.comb += top.eq(bit)
        carry = Signal(name=f"carry{group}")
        if fmt.rounding == Rounding.NEAREST:
            # M + 1 ones from the leading one on round up to the next power of two.
            ones = Signal(bits, name=f"ones{group}")
            run = peak
            for step in range(1, fmt.magnitude_bits + 1):
                run = run & (peak >> step)
            m.d.comb += [
                ones.eq(run << fmt.magnitude_bits),
                carry.eq(ones.bit_select(top, 1)),
            ]
        exponent = Signal(signed(GRID_BITS + 2), name=f"exponent{group}")
        raw = Signal(signed(GRID_BITS + 2), name=f"raw{group}")
        over = Signal(name=f"over{group}")
        m.d.comb += [
            raw.eq(top + carry + grid),
            over.eq(peak.any() & (raw > fmt.exponent_high)),
            exponent.eq(raw),
        ]
        with m.If(~peak.any() | (raw < fmt.exponent_low)):
            m.d.comb += exponent.eq(fmt.exponent_low)
        with m.Elif(over):
            m.d.comb += exponent.eq(fmt.exponent_high)
        distance = Signal(signed(GRID_BITS + 3), name=f"distance{group}")
        most = bits + fmt.magnitude_bits
        shift = Signal(range(most + 1), name=f"shift{group}")
        huge = Signal(name=f"huge{group}")
        stored = Signal(fmt.exponent_bits, name=f"stored{group}")
        overflow = Signal(name=f"overflow{group}")
        m.d.comb += distance.eq(exponent - grid)
        with m.If(advance):
            m.d.sync += [
                huge.eq(distance < 0),
                shift.eq(Mux(distance < 0, 0, Mux(distance > most, most, distance))),
                stored.eq(exponent - fmt.exponent_low),
                overflow.eq(over),
            ]
        return shift, huge, stored, overflow

    def _round(
        self, m: Module, magnitude: Signal, shift: Signal, huge: Signal, advance: Signal, name: str
    ) -> Signal:
        """Second stage, and the magnitude for the third: (magnitude << M) >> (shift + 1), rounded."""
        fmt = self._fmt
        size = fmt.magnitude_bits
        full = magnitude << size
        whole = Signal(size + 1, name=f"whole{name}")
        big = Signal(name=f"big{name}")
        sticky = Signal(name=f"sticky{name}")
        moved = Signal(len(full), name=f"moved{name}")
        lost = Signal(len(full), name=f"lost{name}")
        m.d.comb += [moved.eq(full >> shift), lost.eq(full & ~(Const(-1, len(full)) << shift))]
        with m.If(advance):
            m.d.sync += [
                whole.eq(moved),
                big.eq(moved[size + 1 :].any() | (huge & magnitude.any())),
                sticky.eq(lost.any()),
            ]
        rounded = Signal(size + 1, name=f"rounded{name}")
        code = Signal(size, name=f"code{name}")
        up = whole[0] & (sticky | whole[1]) if fmt.rounding == Rounding.NEAREST else 0
        m.d.comb += [
            rounded.eq(whole[1:] + up),
            code.eq(Mux(big | (rounded > fmt.largest), fmt.largest, rounded)),
        ]
        return code
