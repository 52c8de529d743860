"""int8 of anything: activations to nearest, errors with random bits; with what the scale needs to move."""

from amaranth.hdl import Cat, EnableInserter, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.commands import SHIFT_BITS as ADDEND_SHIFT_BITS
from golden.spec.formats import ACTIVATION_BITS
from golden.spec.latency import MAP_ROUND, ROUND
from golden.spec.learning import ERROR_RANDOM_BITS, INT8_LARGEST, SCALE_LARGE
from hw.learning.addend_rounder import BELOW, FRACTION_BITS, MOST, TOP, AddendRounder
from hw.learning.value_rounder import ValueRounder

SHIFT_BITS = 11
"""Signed bits of a shift."""


def map_rule() -> data.StructLayout:
    """What a pass does with every value.

    shift: value·2^shift is in units of 2^−8 of the target's.  add: an int8 is added to every value.
    addend_shift: as shift, of that int8.  relu: negative sums become zero.
    stochastic: a random byte is added and the fraction cut, else to nearest, ties to even.
    masked: values are zero where no error passes the map `mask`; mask_relu: it had a ReLU.
    """
    return data.StructLayout(
        {
            "shift": signed(SHIFT_BITS),
            "addend_shift": signed(ADDEND_SHIFT_BITS),
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

    Golden: `golden.spec.maps`.  Throughput: a beat a cycle.  Latency: `latency.MAP_ROUND` cycles.

    Parameters
    ----------
    lanes: values of a beat.  bits: signed, of a value.  count_bits: of the counts.

    Members
    -------
    enable: In, else all stands still; `i.ready` does not tell.
    rule: In, `map_rule`; stands still while beats are inside, its shifts from the cycle before the first one.
    i: stream of `map_beat`, always ready.
    draw: Out, `random` is used in this cycle if `enable`.  random: In, a byte a lane.
    valid, o: Out, a beat of bytes.  coming: Out, the next one, if `enable`, is one.
    busy: Out, beats are inside, that of `o` too.
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
        valid = Signal(MAP_ROUND)
        pulls = self._later(m, self.i.valid & beat.pull, "pulls")
        values, addends = ValueRounder(lanes, self._bits), AddendRounder(lanes)
        for name, part in (("values", values), ("addends", addends)):
            m.submodules[name] = EnableInserter(enable)(part)
        m.d.comb += [
            self.i.ready.eq(enable),
            self.draw.eq(valid[ROUND] & rule.stochastic),
            self.valid.eq(valid[-1]),
            self.coming.eq(valid[-2]),
            self.busy.eq(valid.any()),
            values.down.eq(self._between(m, TOP - rule.shift, self._bits + TOP, "down")),
            values.i.eq(beat.values),
            addends.on.eq(rule.add),
            addends.places.eq(self._between(m, rule.addend_shift + BELOW, MOST, "places")),
            addends.i.eq(beat.addends),
        ]
        # A fraction has below it what is still to be added.
        pull = Signal(FRACTION_BITS + 1)
        with m.If(enable & pulls):
            m.d.sync += pull.eq(Cat(values.up[0], values.o[0]))
        with m.If(enable):
            m.d.sync += valid.eq(Cat(self.i.valid & ~beat.pull, valid))

        passing = Cat(self._passes(byte) for byte in beat.mask)
        sides = {
            "high": self._later(m, beat.high & ~beat.low, "high"),
            "low": self._later(m, beat.low & ~beat.high, "low"),
            "passing": self._later(m, passing | ~rule.masked.replicate(lanes), "passing"),
        }
        bytes_, saturated, large = [], [], []
        for lane in range(lanes):
            term, added = (Cat(part.up[lane], part.o[lane]) for part in (values, addends))
            byte, over, far = self._lane(m, lane, term, added, pull, sides)
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

    def _between(self, m: Module, distance: Value, most: int, name: str) -> Signal:
        """A distance, 0…most, a cycle later."""
        held = Signal(range(most + 1), name=name)
        m.d.sync += held.eq(Mux(distance < 0, 0, Mux(distance > most, most, distance)))
        return held

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
        self, m: Module, lane: int, term: Value, added: Value, pull: Value, sides: dict[str, Value]
    ) -> tuple[Signal, Signal, Signal]:
        """From fractions: the byte; was it beyond ±INT8_LARGEST, beyond ±SCALE_LARGE."""
        rule, point = self.rule, ERROR_RANDOM_BITS
        high, low, passing = (sides[name][lane] for name in ("high", "low", "passing"))
        top = point + INT8_LARGEST.bit_length()
        other = Signal(FRACTION_BITS + 1, name=f"other{lane}")
        total = Signal(signed(FRACTION_BITS + 1), name=f"total{lane}")
        up, gone, sign = (Signal(name=f"{name}{lane}") for name in ("up", "gone", "sign"))
        whole = Signal(signed(top + 2 - point), name=f"whole{lane}")
        # The complement of all of it is the opposite of the pull.
        m.d.comb += other.eq(Mux(high | low, pull ^ high.replicate(len(pull)), added))
        carry = other[0]
        # Cut to nearest: half a unit where the unit above is odd, else one less.
        random = self.random.word_select(lane, point)
        odd = total[point]
        nearest = Cat((~odd).replicate(point - 1), odd)
        byte = Signal(signed(ACTIVATION_BITS), name=f"byte{lane}")
        over, far = Signal(name=f"over{lane}"), Signal(name=f"far{lane}")
        outside = gone | beyond(whole, INT8_LARGEST)
        with m.If(self.enable):
            m.d.sync += [
                total.eq((Cat(carry, term[1:]).as_signed() + other.as_signed()) >> 1),
                # The value's own waits for the second adder. Where it changes the unit above, odd or not,
                # nothing is left to cut.
                up.eq(term[0]),
                whole.eq(
                    (Cat(up, total[: top + 1]).as_signed() + Cat(up, Mux(rule.stochastic, random, nearest)))
                    >> (point + 1)
                ),
                gone.eq((total[top:-1] ^ total[-1].replicate(FRACTION_BITS - top)).any()),
                sign.eq(total[-1]),
                over.eq(outside),
                far.eq(gone | beyond(whole, SCALE_LARGE)),
                byte.eq(Mux(outside, Mux(sign, -INT8_LARGEST, INT8_LARGEST), whole)),
            ]
            with m.If(~passing):
                m.d.sync += [total.eq(0), up.eq(0)]
            # A negative sum does not become positive when it is cut.
            with m.If(rule.relu & total[-1]):
                m.d.sync += [whole.eq(0), gone.eq(0)]
        return byte, over, far


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
