"""The coefficient stream of an engine: from pairs of entries to one shift-add per cycle."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.spec import formats
from golden.spec.config import Config
from golden.spec.memories import Memory, coefficient_record, log2
from hw.layouts import layout
from hw.memory import LoadedMemory, load_signature
from hw.products import operand_bits
from hw.window import row_bits


def step_layout(config: Config) -> data.StructLayout:
    """One step for the lanes: add the row, times what the operand says, to a slot of a bank."""
    return data.StructLayout(
        {
            "operand": operand_bits(config),
            "slot": log2(config.accumulators),
            "bank": 1,
            "place": log2(config.window),
        }
    )


class CoefficientStream(wiring.Component):
    """Reads blocks of entries and issues live ones (docs/machine.md, section 4).

    Golden: `golden.machine`.  Latency: an entry is issued in the cycle in which it is decoded.
    Throughput: one live entry per cycle; a dead one costs nothing beside a live one of its pair.

    Members
    -------
    load: load bus.  start: In, go to the first pair, bank 0.
    skip: In, entries of rows that are all zero are dead.
    written, zero, marker, rewind: In, from the row window.
    row: Out, the oldest row that may still be read.
    busy: In, per bank, it is filled or waits for the drain, so no job may begin in it.
    step: Out, the step of this cycle.  step_valid: Out.
    end: Out, the job in `end_bank` ends with this cycle; the next one fills the other bank.
    bad: Out, the stream and the rows do not fit together.
    """

    def __init__(self, config: Config, engine: int) -> None:
        self._config = config
        self._engine = engine
        super().__init__(
            {
                "load": In(load_signature(config)),
                "start": In(1),
                "skip": In(1),
                "written": In(row_bits(config)),
                "zero": In(config.window),
                "marker": In(config.window),
                "rewind": In(config.window),
                "row": Out(row_bits(config)),
                "busy": In(2),
                "step": Out(step_layout(config)),
                "step_valid": Out(1),
                "end": Out(1),
                "end_bank": Out(1),
                "bad": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        bits = row_bits(config)
        entry = layout(coefficient_record(config))
        m.submodules.pairs = pairs = LoadedMemory(
            config, Memory.COEFFICIENT + self._engine, data.ArrayLayout(entry, 2)
        )
        wiring.connect(m, wiring.flipped(self.load), pairs.load)

        address = Signal(log2(config.coefficient_words))
        following = Signal.like(address)
        base = Signal.like(address)
        valid = Signal()
        second_left = Signal()
        bank = Signal()
        m.d.sync += address.eq(following)
        m.d.comb += [following.eq(address), pairs.address.eq(following)]

        def row_state(number: Signal, code: Signal, name: str) -> tuple[Signal, Signal, Signal]:
            """(the row is in the window, the entry is dead, the row is a marker)"""
            here = Signal(name=f"{name}_here")
            dead = Signal(name=f"{name}_dead")
            marked = Signal(name=f"{name}_marked")
            place = number[: log2(config.window)]
            distance = (self.written - number)[:bits]
            m.d.comb += [
                here.eq((distance != 0) & (distance <= config.window)),
                dead.eq((code == formats.CODE_ZERO) | (self.skip & self.zero.bit_select(place, 1))),
                marked.eq(self.marker.bit_select(place, 1)),
            ]
            return here, dead & (code != formats.CODE_END), marked

        first = data.View(entry, Mux(second_left, pairs.data[1].as_value(), pairs.data[0].as_value()))
        second = pairs.data[1]
        first_row = Signal(bits)
        second_row = Signal(bits)
        m.d.comb += [
            first_row.eq(self.row + first.advance),
            second_row.eq(first_row + second.advance),
        ]
        first_here, first_dead, first_marked = row_state(first_row, first.code, "first")
        second_here, second_dead, second_marked = row_state(second_row, second.code, "second")
        pair_open = Signal()
        m.d.comb += pair_open.eq(~second_left & second_here)

        # The entry to handle: the second one right away if the first is dead.
        take_second = Signal()
        chosen = data.View(entry, Mux(take_second, second.as_value(), first.as_value()))
        chosen_row = Signal(bits)
        chosen_dead = Signal()
        chosen_marked = Signal()
        m.d.comb += [
            take_second.eq(first_dead & pair_open),
            chosen_row.eq(Mux(take_second, second_row, first_row)),
            chosen_dead.eq(Mux(take_second, second_dead, first_dead)),
            chosen_marked.eq(Mux(take_second, second_marked, first_marked)),
            self.step.operand.eq(chosen.code),
            self.step.slot.eq(chosen.slot),
            self.step.bank.eq(bank),
            self.step.place.eq(chosen_row),
            self.end_bank.eq(bank),
        ]
        is_end = chosen.code == formats.CODE_END
        with m.If(valid & first_here & ~self.bad):
            with m.If(is_end):
                with m.If(~chosen_marked):
                    m.d.sync += self.bad.eq(1)
                with m.Elif(~self.busy.bit_select(~bank, 1)):
                    m.d.comb += self.end.eq(1)
                    again = self.rewind.bit_select(chosen_row[: log2(config.window)], 1)
                    m.d.sync += [self.row.eq(chosen_row + 1), bank.eq(~bank), second_left.eq(0)]
                    with m.If(again):
                        m.d.comb += following.eq(base)
                    with m.Else():
                        m.d.comb += following.eq(address + 1)
                        m.d.sync += base.eq(address + 1)
            with m.Elif(chosen_marked & (chosen.code != formats.CODE_ZERO)):
                m.d.sync += self.bad.eq(1)
            with m.Else():
                m.d.comb += self.step_valid.eq(~chosen_dead)
                drop_second = pair_open & second_dead & ~take_second & ~second_marked
                with m.If(second_left | take_second | drop_second):
                    m.d.comb += following.eq(address + 1)
                    m.d.sync += second_left.eq(0)
                    m.d.sync += self.row.eq(Mux(drop_second, second_row, chosen_row))
                with m.Else():
                    m.d.sync += [second_left.eq(1), self.row.eq(chosen_row)]

        with m.If(self.start):
            m.d.comb += following.eq(0)
            m.d.sync += [
                base.eq(0),
                valid.eq(1),
                second_left.eq(0),
                bank.eq(0),
                self.row.eq(0),
                self.bad.eq(0),
            ]
        return m
