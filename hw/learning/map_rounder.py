"""int8 of anything: activations to nearest, errors with random bits; with what the scale needs to move."""

from amaranth.hdl import Cat, EnableInserter, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.formats import ACTIVATION_BITS
from golden.spec.latency import MAP_ROUND, ROUND
from golden.spec.learning import ERROR_RANDOM_BITS, FRACTION_LARGEST, INT8_LARGEST, SCALE_LARGE
from hw.parts.rounding import RoundShift

SHIFT_BITS = 11
"""Signed bits of a shift."""

FRACTION_BITS = FRACTION_LARGEST.bit_length() + 1
"""Signed bits of a fraction."""

_LEFT = FRACTION_LARGEST.bit_length() - 1
"""A value other than zero that moves so far to the left has saturated."""

_AMOUNT_BITS = 6


def map_rule() -> data.StructLayout:
    """What a pass does with every value.

    shift: value·2^shift is in units of 2^−8 of the target's.  add: an int8 is added to every value.
    addend_shift: as shift, of that int8.  relu: negative sums become zero.
    stochastic: a random byte is added and the fraction cut, else to nearest, ties to even.
    masked: values are zero where no error passes the map `mask`; mask_relu: it had a ReLU.
    """
    shift = signed(SHIFT_BITS)
    return data.StructLayout(
        {
            "shift": shift,
            "addend_shift": shift,
            **{name: unsigned(1) for name in ("add", "relu", "stochastic", "masked", "mask_relu")},
        }
    )


def map_beat(lanes: int, bits: int) -> data.StructLayout:
    """Values with what is added to them.

    values, addends: by lane.  high, low: lanes that lose or gain the pull, in the place of an addend; both
    together change nothing.  mask: bytes of the map that tells where an error passes.  pull: nothing comes
    of this beat but the pull of those after it, the fraction of lane 0.
    """
    return data.StructLayout(
        {
            "values": data.ArrayLayout(signed(bits), lanes),
            "addends": data.ArrayLayout(signed(ACTIVATION_BITS), lanes),
            "high": unsigned(lanes),
            "low": unsigned(lanes),
            "pull": unsigned(1),
            "mask": data.ArrayLayout(signed(ACTIVATION_BITS), lanes),
        }
    )


class MapRounder(wiring.Component):
    """int8 = saturate(round(fraction(value) + fraction(addend))), in `lanes` lanes.

    Golden: `golden.spec.maps`.  Throughput: a beat a cycle; two cycles a beat where `add`, for addends go the
    way of values, before them.  Latency: `latency.MAP_ROUND` cycles from the (second) cycle of a beat.

    Parameters
    ----------
    lanes: values of a beat.  bits: signed, of a value.  count_bits: of the counts.

    Members
    -------
    enable: In, else all stands still; `i.ready` does not tell.
    rule: In, `map_rule`; stands still while beats are inside, its shifts from the cycle before the first one.
    i: stream of `map_beat`, ready in the last cycle of a beat.
    draw: Out, `random` is used in this cycle if `enable`.  random: In, a byte a lane.
    valid, o: Out, a beat of bytes.  coming: Out, the next one, if `enable`, is one.
    late: Out, the addends of a beat went in before.  busy: Out, beats are inside, that of `o` too.
    clear: In, the counts begin anew.
    saturated, large: Out, counts of values beyond ±127 before saturation, and beyond ±63; a cycle after `o`.
    """

    i: stream.Interface

    def __init__(self, lanes: int, bits: int, count_bits: int = 24) -> None:
        self._lanes, self._bits = lanes, bits
        super().__init__(
            {
                "enable": In(1, init=1),
                "rule": In(map_rule()),
                "i": In(stream.Signature(map_beat(lanes, bits))),
                "draw": Out(1),
                "random": In(ERROR_RANDOM_BITS * lanes),
                "valid": Out(1),
                "coming": Out(1),
                "late": Out(1),
                "o": Out(ACTIVATION_BITS * lanes),
                "busy": Out(1),
                "clear": In(1),
                "saturated": Out(count_bits),
                "large": Out(count_bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        lanes, rule, beat, enable = self._lanes, self.rule, self.i.payload, self.enable
        # Which cycles hold a value; an addend is there as well, a cycle earlier.
        second = Signal()
        valid = Signal(MAP_ROUND)
        enters = self.i.valid & (second | ~rule.add)
        pulls = self._later(m, self.i.valid & beat.pull, "pulls")
        pull = Signal(signed(FRACTION_BITS))
        m.d.comb += [
            self.i.ready.eq(enable & (second | ~rule.add)),
            self.draw.eq(valid[ROUND] & rule.stochastic),
            self.valid.eq(valid[-1]),
            self.coming.eq(valid[-2]),
            self.late.eq(second),
            self.busy.eq(second | valid.any()),
        ]
        shifts = (rule.shift, "value"), (rule.addend_shift, "addend")
        own, added = (self._amount(m, shift, name) for shift, name in shifts)
        first = rule.add & ~second
        amount = Mux(first, added, own)
        with m.If(enable):
            m.d.sync += [
                second.eq(self.i.valid & rule.add & ~second),
                valid.eq(Cat(enters & ~beat.pull, valid)),
            ]

        passing = Cat(self._passes(byte) for byte in beat.mask)
        sides = {
            "high": self._later(m, beat.high & ~beat.low, "high"),
            "low": self._later(m, beat.low & ~beat.high, "low"),
            "passing": self._later(m, passing | ~rule.masked.replicate(lanes), "passing", ROUND + 1),
        }
        bytes_, saturated, large = [], [], []
        for lane in range(lanes):
            shifter = RoundShift(self._bits + _LEFT, _AMOUNT_BITS, FRACTION_BITS)
            m.submodules[f"shift{lane}"] = EnableInserter(enable)(shifter)
            given = Mux(first, beat.addends[lane], beat.values[lane])
            moved = Signal(signed(self._bits), name=f"given{lane}")
            m.d.comb += [moved.eq(given), shifter.i.eq(moved << _LEFT), shifter.shift.eq(amount)]
            term, byte, over, far = self._lane(m, lane, shifter.o, pull, sides)
            if lane == 0:
                with m.If(enable & pulls):
                    m.d.sync += pull.eq(term)
            bytes_.append(byte)
            saturated.append(over)
            large.append(far)
        m.d.comb += self.o.eq(Cat(bytes_))
        for count, hits in ((self.saturated, saturated), (self.large, large)):
            with m.If(self.clear):
                m.d.sync += count.eq(0)
            with m.Elif(enable & self.valid):
                m.d.sync += count.eq(count + _ones(m, hits))
        return m

    def _amount(self, m: Module, shift: Value, name: str) -> Signal:
        """How far to the right a value goes that was put _LEFT places to the left."""
        most = (1 << _AMOUNT_BITS) - 1
        distance = Signal(signed(SHIFT_BITS + 1), name=f"{name}_distance")
        amount = Signal(_AMOUNT_BITS, name=f"{name}_amount")
        m.d.comb += distance.eq(_LEFT - shift)
        m.d.sync += amount.eq(Mux(distance < 0, 0, Mux(distance > most, most, distance)))
        return amount

    def _later(self, m: Module, bits: Value, name: str, cycles: int = ROUND) -> Value:
        """Bits of a beat, some enabled cycles later."""
        for cycle in range(cycles):
            held = Signal(len(bits), name=f"{name}{cycle}")
            with m.If(self.enable):
                m.d.sync += held.eq(bits)
            bits = held
        return bits

    def _passes(self, byte: Value) -> Value:
        """Golden: `golden.spec.maps.passes`."""
        relu = self.rule.mask_relu
        ends = (byte == INT8_LARGEST) | (~relu & (byte == -INT8_LARGEST))
        return ~ends & ~(relu & (byte <= 0))

    def _lane(
        self, m: Module, lane: int, moved: Value, pull: Value, sides: dict[str, Value]
    ) -> tuple[Signal, Signal, Signal, Signal]:
        """From what was shifted: the fraction; the byte, was it beyond ±INT8_LARGEST, beyond ±SCALE_LARGE."""
        rule, top = self.rule, FRACTION_BITS - 2
        high, low, passing = (sides[name][lane] for name in ("high", "low", "passing"))
        term, kept = (Signal(signed(FRACTION_BITS), name=f"{name}{lane}") for name in ("term", "kept"))
        other = Signal(signed(FRACTION_BITS), name=f"other{lane}")
        total = Signal(signed(FRACTION_BITS + 1), name=f"total{lane}")
        used = Signal(signed(FRACTION_BITS + 1), name=f"used{lane}")
        whole = Signal(signed(FRACTION_BITS + 1 - ERROR_RANDOM_BITS), name=f"whole{lane}")
        # Saturated to a power of two of either sign: only two bits are left.
        sign, past = moved[-1], moved[-1] ^ moved[top]
        m.d.comb += [
            term.eq(Cat(moved[:top] & ~past.replicate(top), moved[top] | sign, sign)),
            other.eq(Mux(high | low, pull ^ high.replicate(FRACTION_BITS), kept)),
        ]
        # Cut to nearest: half a unit where the unit above is odd, else one less.
        random = self.random.word_select(lane, ERROR_RANDOM_BITS)
        odd = used[ERROR_RANDOM_BITS]
        nearest = Cat((~odd).replicate(ERROR_RANDOM_BITS - 1), odd)
        m.d.comb += used.eq(Mux(passing & ~(rule.relu & total[-1]), total, 0))
        byte = Signal(signed(ACTIVATION_BITS), name=f"byte{lane}")
        over, far = Signal(name=f"over{lane}"), Signal(name=f"far{lane}")
        outside = beyond(whole, INT8_LARGEST)
        end = Mux(whole[-1], -INT8_LARGEST, INT8_LARGEST)
        with m.If(self.enable):
            m.d.sync += [
                kept.eq(term),
                # A carry from below makes the complement of the pull its opposite.
                total.eq((Cat(high, term).as_signed() + Cat(high, other).as_signed()) >> 1),
                whole.eq((used + Mux(rule.stochastic, random, nearest)) >> ERROR_RANDOM_BITS),
                over.eq(outside),
                far.eq(beyond(whole, SCALE_LARGE)),
                byte.eq(Mux(outside, end, whole)),
            ]
        # Where nothing is added: flip-flops that stay zero, and no gates for it.
        with m.If(~rule.add):
            m.d.sync += kept.eq(0)
        return term, byte, over, far


def beyond(value: Value, limit: int) -> Value:
    """Whether |value| > limit, a power of two less one; without a comparison's carries."""
    sign, low = value[-1], limit.bit_length()
    return (value[low:-1] ^ sign.replicate(len(value) - 1 - low)).any() | (sign & ~value[:low].any())


def _ones(m: Module, bits: list[Signal]) -> Value:
    """How many are set: by tables of four."""
    counts = []
    for start in range(0, len(bits), 4):
        part = bits[start : start + 4]
        count = Signal(range(len(part) + 1), name=f"{part[0].name}_count")
        with m.Switch(Cat(part)):
            for value in range(1 << len(part)):
                with m.Case(value):
                    m.d.comb += count.eq(value.bit_count())
        counts.append(count)
    return sum(counts[1:], start=counts[0])
