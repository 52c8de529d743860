"""The coefficient stream of an engine: from pairs of entries to one shift-add per cycle."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.spec import formats
from golden.spec.config import Config
from golden.spec.memories import Memory, coefficient_record, log2
from hw.layouts import layout
from hw.memory import LoadedMemory, load_signature
from hw.products import operand_bits
from hw.window import row_bits

LATENCY = 4
"""Cycles from start, or from END before the same block, to the first entry."""


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

    Golden: `golden.machine`.  Latency: an entry is issued in the cycle in which its row is there;
    the first one of a run, or of a block that is read again, `LATENCY` cycles after start or END.
    Throughput: one live entry per cycle; a dead one costs nothing beside a live one of its pair.

    Members
    -------
    load: load bus.  start: In, go to the first pair, bank 0.
    skip: In, entries of rows that are all zero are dead.
    written, zero, marker, rewind: In, from the row window.
    row: Out, the oldest row that may still be read.
    busy: In, per bank, it is filled or waits for the drain, so no job may begin in it.
    hold: In, do nothing in this cycle.
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
                "hold": In(1),
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

        # Four stages that move together: address, memory, the pair read, the pair in hand with its rows.
        address = Signal(log2(config.coefficient_words))
        read_address = Signal.like(address)
        base = Signal.like(address)
        upcoming = Signal(bits)
        in_memory = Signal()
        memory_address = Signal.like(address)
        read = Signal()
        pair = Signal(data.ArrayLayout(entry, 2))
        valid = Signal()
        advance = Signal()
        item = data.StructLayout({"code": formats.CODE_BITS, "slot": self.step.slot.shape(), "row": bits})
        first = Signal(item)
        second = Signal(item)
        alone = Signal()
        bank = Signal()
        read_rows = [Signal(bits, name=f"read_row{number}") for number in range(2)]
        read_ends = [pair[number].code == formats.CODE_END for number in range(2)]
        m.d.comb += [
            pairs.address.eq(address),
            pairs.enable.eq(advance),
            read_rows[0].eq(upcoming + pair[0].advance),
            read_rows[1].eq(read_rows[0] + pair[1].advance),
        ]
        with m.If(advance):
            m.d.sync += [
                Cat(in_memory, read, valid).eq(Cat(1, in_memory, read)),
                address.eq(address + 1),
                memory_address.eq(address),
                read_address.eq(memory_address),
                pair.eq(pairs.data),
                alone.eq(0),
            ]
            for target, source, number in zip((first, second), pair, read_rows, strict=True):
                m.d.sync += [
                    target.code.eq(source.code),
                    target.slot.eq(source.slot),
                    target.row.eq(number),
                ]
            with m.If(read):
                # A block's rows begin behind the marker of its predecessor.
                last = Mux(read_ends[0], read_rows[0], read_rows[1])
                m.d.sync += upcoming.eq(last + (read_ends[0] | read_ends[1]))

        def row_state(entry: Any, name: str) -> tuple[Signal, Signal, Signal]:
            """(the row is in the window, the entry is dead, the row is a marker)"""
            here = Signal(name=f"{name}_here")
            dead = Signal(name=f"{name}_dead")
            marked = Signal(name=f"{name}_marked")
            place = entry.row[: log2(config.window)]
            m.d.comb += [
                # 0 < written − row ≤ window
                here.eq(~(self.written + ~entry.row)[bits - 1]),
                dead.eq((entry.code == formats.CODE_ZERO) | (self.skip & self.zero.bit_select(place, 1))),
                marked.eq(self.marker.bit_select(place, 1)),
            ]
            return here, dead & (entry.code != formats.CODE_END), marked

        first_here, first_dead, first_marked = row_state(first, "first")
        second_here, second_dead, second_marked = row_state(second, "second")
        pair_open = Signal()
        m.d.comb += pair_open.eq(~alone & second_here)

        # The entry to handle: the second one right away if the first is dead.
        take_second = Signal()
        chosen = data.View(item, Mux(take_second, second.as_value(), first.as_value()))
        chosen_dead = Signal()
        chosen_marked = Signal()
        m.d.comb += [
            take_second.eq(first_dead & pair_open),
            chosen_dead.eq(Mux(take_second, second_dead, first_dead)),
            chosen_marked.eq(Mux(take_second, second_marked, first_marked)),
            self.step.operand.eq(chosen.code),
            self.step.slot.eq(chosen.slot),
            self.step.bank.eq(bank),
            self.step.place.eq(chosen.row),
            self.end_bank.eq(bank),
        ]
        is_end = chosen.code == formats.CODE_END
        done = Signal()
        again = Signal()
        m.d.comb += advance.eq(~valid | done)
        with m.If(valid & first_here & ~self.bad & ~self.hold):
            with m.If(is_end):
                with m.If(~chosen_marked):
                    m.d.sync += self.bad.eq(1)
                with m.Elif(~self.busy.bit_select(~bank, 1)):
                    m.d.comb += [
                        self.end.eq(1),
                        done.eq(1),
                        again.eq(self.rewind.bit_select(chosen.row[: log2(config.window)], 1)),
                    ]
                    m.d.sync += [self.row.eq(chosen.row + 1), bank.eq(~bank)]
            with m.Elif(chosen_marked & (chosen.code != formats.CODE_ZERO)):
                m.d.sync += self.bad.eq(1)
            with m.Else():
                m.d.comb += self.step_valid.eq(~chosen_dead)
                drop_second = pair_open & second_dead & ~take_second & ~second_marked
                m.d.sync += self.row.eq(Mux(drop_second, second.row, chosen.row))
                with m.If(alone | take_second | drop_second):
                    m.d.comb += done.eq(1)
                with m.Else():
                    m.d.sync += [first.eq(second), alone.eq(1)]

        with m.If(self.end & ~again):
            m.d.sync += base.eq(read_address)
        with m.If(self.end & again):
            m.d.sync += [address.eq(base), upcoming.eq(chosen.row + 1), Cat(in_memory, read, valid).eq(0)]
        with m.If(self.start):
            m.d.sync += [
                address.eq(0),
                base.eq(0),
                upcoming.eq(0),
                Cat(in_memory, read, valid).eq(0),
                bank.eq(0),
                self.row.eq(0),
                self.bad.eq(0),
            ]
        return m
