"""The update: gradients move counters, counters move codes."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.spec import formats
from golden.spec.arithmetics import PAIR
from golden.spec.commands import SHIFT_BITS, update_record
from golden.spec.config import Config
from golden.spec.learning import GRADIENT_BITS, UPDATE_RANDOM_BITS
from golden.spec.memories import COUNTER_BITS, entry_bits, place_record
from hw.learning.code_switch import TOTAL_BITS, CodeSwitch
from hw.learning.ports import entries_signature
from hw.learning.update_numbers import UpdateNumbers
from hw.parts.layouts import layout
from hw.parts.lfsr import HALF_WORD
from hw.parts.rounding import RoundShift

FINE_BITS = UPDATE_RANDOM_BITS + COUNTER_BITS + 1
"""A move with its fraction: saturated at twice the bar, which moves any code."""
REACH = FINE_BITS - 1
"""A gradient of 1 that is shifted up so far moves any code."""
LONGEST = 63
"""A shift down by so much leaves nothing of any gradient."""


def sum_bits(config: Config) -> int:
    """Width of the sum of |gradients| over the entries of all engines."""
    return GRADIENT_BITS + entry_bits(config) + (config.engines - 1).bit_length()


class UpdateUnit(wiring.Component):
    """Takes every entry of a range of pairs, engine after engine. Of those that are kept it moves counter and
    code, writes a code that moved at its place in the transposed stream too, and clears the gradient.

    A move is −gradient · 2^shift, to nearest, ties to even, with UPDATE_RANDOM_BITS bits of fraction, which
    are cut after random ones have been added. A kept entry takes a random number, in order; behind an END
    the next number is the first one of a word.

    Golden: `golden.learning.update`, `golden.spec.learning.switched`.  Latency: `latency.update(entries)`
    cycles from the start.  Throughput: an entry, kept or not, in `latency.UPDATE_ENTRY` cycles.

    Members
    -------
    start: In, takes `command` (`update_record`) and `shift`; not while `busy`.
    busy: Out, from the cycle after the start until all is written.
    engines: to the engines. The counters of all pairs of a range must have been loaded.
    load, word: In, state of the random numbers (`Lfsr`), between updates.
    sum, kept, moved: Out, of entries that are kept: Σ|gradient|, how many, how many got another code. They
    stand while not `busy` and add up over commands without `clear`.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        count = sum_bits(config) - GRADIENT_BITS
        super().__init__(
            {
                "start": In(1),
                "command": In(layout(update_record(config))),
                "shift": In(signed(SHIFT_BITS)),
                "busy": Out(1),
                "engines": Out(entries_signature(config)).array(config.engines),
                "load": In(1),
                "word": In(HALF_WORD),
                "sum": Out(sum_bits(config)),
                "kept": Out(count),
                "moved": Out(count),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        place = layout(place_record(config))
        number = place["engine"].shape
        held = data.StructLayout(
            {
                "valid": 1,
                "engine": number,
                "entry": entry_bits(config),
                "code": formats.CODE_BITS,
                "kept": 1,
                "counter": signed(COUNTER_BITS),
                "place": place,
            }
        )

        # The walk: an entry is looked for in the first of its two cycles, and is here in the second.
        second, walks = Signal(), Signal()
        engine, entry = Signal(number), Signal(entry_bits(config))
        first, entries, left = (
            Signal.like(entry),
            Signal(entry_bits(config) + 1),
            Signal(entry_bits(config) + 1),
        )
        # A gradient comes shifted up by REACH; farther or longer than this changes nothing.
        amount = Signal(range(LONGEST + 1))
        down = REACH - UPDATE_RANDOM_BITS - self.shift
        for index, port in enumerate(self.engines):
            m.d.comb += [port.look.eq(walks & ~second & (engine == index)), port.entry.eq(entry)]
        m.d.sync += second.eq(~second)
        with m.If(second & walks):
            m.d.sync += [entry.eq(entry + 1), left.eq(left - 1)]
            with m.If(left == 1):
                m.d.sync += [entry.eq(first), left.eq(entries), engine.eq(engine + 1)]
                with m.If(engine == config.engines - 1):
                    m.d.sync += walks.eq(0)
        with m.If(self.start):
            m.d.sync += [
                walks.eq(1),
                second.eq(0),
                engine.eq(0),
                entry.eq(PAIR * self.command.pair),
                first.eq(PAIR * self.command.pair),
                left.eq(PAIR * self.command.pairs),
                entries.eq(PAIR * self.command.pairs),
                amount.eq(Mux(down < 0, 0, Mux(down > LONGEST, LONGEST, down))),
            ]

        # What is known of it, in the two cycles in which its gradient goes into the shift, the two after, and
        # when its move is known.
        looked, shifts, moves = (Signal(held, name=name) for name in ("looked", "shifts", "moves"))
        gradient = Signal(signed(GRADIENT_BITS))
        total, total_here = Signal(signed(TOTAL_BITS)), Signal(signed(TOTAL_BITS))
        with m.If(second):
            m.d.sync += [shifts.eq(looked), moves.eq(shifts), total.eq(total_here), looked.valid.eq(walks)]
            m.d.sync += [looked.engine.eq(engine), looked.entry.eq(entry)]
            with m.Switch(engine):
                for index, port in enumerate(self.engines):
                    with m.Case(index):
                        m.d.sync += gradient.eq(port.gradient)
                        for name in ("code", "kept", "counter", "place"):
                            m.d.sync += Value.cast(looked[name]).eq(Value.cast(getattr(port, name)))

        # The move: rounded, then cut.
        m.submodules.shift = shift = RoundShift(GRADIENT_BITS + REACH, len(amount), FINE_BITS)
        m.submodules.numbers = numbers = UpdateNumbers()
        move = Signal(signed(TOTAL_BITS))
        counts = second & shifts.valid
        m.d.comb += [
            shift.i.eq(Cat(Const(0, REACH), gradient).as_signed()),
            shift.shift.eq(amount),
            move.eq((numbers.number - shift.o) >> UPDATE_RANDOM_BITS),
            total_here.eq(shifts.counter + move),
            numbers.load.eq(self.load),
            numbers.word.eq(self.word),
            numbers.take.eq(counts & shifts.kept),
            numbers.fresh.eq(counts & (shifts.code == formats.CODE_END)),
        ]

        # Written at its own place in the first cycle, where it stands again in the second one.
        m.submodules.switch = switch = CodeSwitch()
        own, other = Signal(), Signal()
        m.d.comb += [
            switch.code.eq(moves.code),
            switch.total.eq(total),
            own.eq(moves.valid & moves.kept & ~second),
            other.eq(moves.valid & moves.kept & second & moves.place.valid),
            self.busy.eq(walks | looked.valid | shifts.valid | moves.valid),
        ]
        for index, port in enumerate(self.engines):
            here = own & (moves.engine == index)
            there = other & (moves.place.engine == index)
            m.d.comb += [
                port.put_counter.eq(here),
                port.put_code.eq((here | there) & switch.moved),
                port.put_entry.eq(Mux(second, moves.place.entry, moves.entry)),
                port.new_code.eq(switch.new_code),
                port.new_counter.eq(switch.new_counter),
            ]
        self._sum_up(m, second & looked.valid & looked.kept, gradient, own & switch.moved)
        return m

    def _sum_up(self, m: Module, kept: Value, gradient: Value, moved: Value) -> None:
        """The sums over entries."""
        with m.If(kept):
            # The complement of a negative one, and the one that it lacks.
            sign = gradient[-1]
            magnitude = gradient.as_unsigned() ^ sign.replicate(GRADIENT_BITS)
            m.d.sync += [
                self.sum.eq(self.sum + magnitude + sign),
                self.kept.eq(self.kept + 1),
            ]
        with m.If(moved):
            m.d.sync += self.moved.eq(self.moved + 1)
        with m.If(self.start & self.command.clear):
            m.d.sync += [self.sum.eq(0), self.kept.eq(0), self.moved.eq(0)]
