"""The update: gradients move counters, counters move codes."""

from itertools import pairwise
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.spec import formats, latency
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


def _takes_two(it: Any) -> Value:
    """Whether an entry takes two cycles: an END, or a kept code that stands twice in its engine."""
    at_home = it.place.valid & (it.place.engine == it.engine)
    return (it.code == formats.CODE_END) | (it.kept & at_home)


class UpdateUnit(wiring.Component):
    """Takes every entry of a range of pairs, engine after engine. Of those that are kept it moves counter and
    code, writes a code that moved at its place in the transposed stream too, and clears the gradient.

    A move is −gradient · 2^shift, to nearest, ties to even, with UPDATE_RANDOM_BITS bits of fraction, which
    are cut after random ones have been added. A kept entry takes a random number, in order; behind an END
    the next number is the first one of a word.

    Golden: `golden.learning.update`, `golden.spec.learning.switched`.  Latency: `latency.update(entries,
    twice)` cycles from the start.  Throughput: an entry, kept or not, per cycle; but `twice` of them take
    two: an END, and a kept one whose other place is in the same engine, which writes one code per cycle.

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

        # The walk: an entry is looked for, then fetched, then looked at. One that takes two cycles holds back
        # those behind it: the one that is fetched is looked for again.
        walks, waits = Signal(), Signal()
        engine, entry = Signal(number), Signal(entry_bits(config))
        first, entries, left = (
            Signal.like(entry),
            Signal(entry_bits(config) + 1),
            Signal(entry_bits(config) + 1),
        )
        fetched = Signal(data.StructLayout({"valid": 1, "engine": number, "entry": entry_bits(config)}))
        # A gradient comes shifted up by REACH; farther or longer than this changes nothing.
        amount = Signal(range(LONGEST + 1))
        down = REACH - UPDATE_RANDOM_BITS - self.shift
        asked = Mux(waits, fetched.engine, engine)
        for index, port in enumerate(self.engines):
            m.d.comb += [
                port.look.eq((walks | waits) & (asked == index)),
                port.entry.eq(Mux(waits, fetched.entry, entry)),
            ]
        with m.If(~waits):
            m.d.sync += [fetched.valid.eq(walks), fetched.engine.eq(engine), fetched.entry.eq(entry)]
        with m.If(walks & ~waits):
            m.d.sync += [entry.eq(entry + 1), left.eq(left - 1)]
            with m.If(left == 1):
                m.d.sync += [entry.eq(first), left.eq(entries), engine.eq(engine + 1)]
                with m.If(engine == config.engines - 1):
                    m.d.sync += walks.eq(0)
        with m.If(self.start):
            m.d.sync += [
                walks.eq(1),
                engine.eq(0),
                entry.eq(PAIR * self.command.pair),
                first.eq(PAIR * self.command.pair),
                left.eq(PAIR * self.command.pairs),
                entries.eq(PAIR * self.command.pairs),
                amount.eq(Mux(down < 0, 0, Mux(down > LONGEST, LONGEST, down))),
            ]

        # What is known of it, from the look at it to the cycle in which its move is known.
        steps = [Signal(held, name=f"step{step}") for step in range(latency.ROUND + 2)]
        looked, shifts, moves = steps[0], steps[-2], steps[-1]
        gradient = Signal(signed(GRADIENT_BITS))
        total, total_here = Signal(signed(TOTAL_BITS)), Signal(signed(TOTAL_BITS))
        m.d.sync += [after.eq(before) for before, after in pairwise(steps[:-1])]
        # The last one stands for the second cycle of what takes two.
        m.d.sync += moves.valid.eq(shifts.valid)
        with m.If(shifts.valid):
            m.d.sync += [moves.eq(shifts), total.eq(total_here)]
        m.d.sync += [
            looked.valid.eq(fetched.valid & ~waits),
            looked.engine.eq(fetched.engine),
            looked.entry.eq(fetched.entry),
        ]
        with m.Switch(fetched.engine):
            for index, port in enumerate(self.engines):
                with m.Case(index):
                    m.d.sync += gradient.eq(port.gradient)
                    for name in ("code", "kept", "counter", "place"):
                        m.d.sync += Value.cast(looked[name]).eq(Value.cast(getattr(port, name)))
        m.d.comb += waits.eq(looked.valid & _takes_two(looked))

        # The move: rounded, then cut.
        m.submodules.shift = shift = RoundShift(GRADIENT_BITS + REACH, len(amount), FINE_BITS)
        m.submodules.numbers = numbers = UpdateNumbers()
        move = Signal(signed(TOTAL_BITS))
        m.d.comb += [
            shift.i.eq(Cat(Const(0, REACH), gradient).as_signed()),
            shift.shift.eq(amount),
            move.eq((numbers.number - shift.o) >> UPDATE_RANDOM_BITS),
            total_here.eq(shifts.counter + move),
            numbers.load.eq(self.load),
            numbers.word.eq(self.word),
            numbers.take.eq(shifts.valid & shifts.kept),
            numbers.fresh.eq(shifts.valid & (shifts.code == formats.CODE_END)),
        ]

        # Written at its own place, and at the other one too, but a cycle later in the same engine.
        m.submodules.switch = switch = CodeSwitch()
        own, late = Signal(), Signal()
        m.d.sync += late.eq(moves.valid & _takes_two(moves))
        m.d.comb += [
            switch.code.eq(moves.code),
            switch.total.eq(total),
            own.eq(moves.valid & moves.kept),
            self.busy.eq(walks | fetched.valid | Cat(step.valid for step in steps).any() | late),
        ]
        other = (moves.valid | late) & moves.kept & moves.place.valid
        for index, port in enumerate(self.engines):
            here = own & (moves.engine == index)
            there = other & (moves.place.engine == index)
            m.d.comb += [
                port.put_counter.eq(here),
                port.put_code.eq((here | there) & switch.moved),
                port.put_entry.eq(Mux(here, moves.entry, moves.place.entry)),
                port.new_code.eq(switch.new_code),
                port.new_counter.eq(switch.new_counter),
            ]
        self._sum_up(m, looked.valid & looked.kept, gradient, own & switch.moved)
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
