"""The stream of an engine that rebuilds its weights: bases, and rows of Ce."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import Out

from golden.spec.config import Config
from golden.spec.memories import REBUILD_GROUPS, REBUILD_HEAD, REBUILD_RECORD, Memory, log2
from hw.layouts import layout
from hw.memory import LoadedMemory
from hw.stream import stream_members
from hw.window import row_bits


class RebuildStream(wiring.Component):
    """Reads blocks of rows of Ce; each row is S steps, one for each weight that it stands for.

    Golden: `golden.weight_streams`; cycles: `golden.weight_timing`.  Latency: a step is issued in the
    cycle in which its row of Ce is read.  Throughput: one step per cycle; the head of a block takes one
    cycle and one for each column of B.

    Members: `stream_members`; `skip` changes nothing.
    column: Out, the basis (`REBUILD_COLUMN`) of the slot of the step before.
    """

    def __init__(self, config: Config, engine: int) -> None:
        self._config = config
        self._engine = engine
        super().__init__(stream_members(config) | {"column": Out(REBUILD_RECORD.bits)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        places = log2(config.window)
        word = data.StructLayout({"bits": REBUILD_RECORD.bits})
        m.submodules.words = words = LoadedMemory(config, Memory.COEFFICIENT + self._engine, word)
        wiring.connect(m, wiring.flipped(self.load), words.load)
        entry = data.View(layout(REBUILD_RECORD), words.data.bits)
        head_word = data.View(layout(REBUILD_HEAD), words.data.bits[: REBUILD_HEAD.bits])
        m.submodules.basis = basis = memory.Memory(
            shape=REBUILD_RECORD.bits, depth=config.accumulators, init=[]
        )
        write, read = basis.write_port(), basis.read_port()

        address = Signal(log2(config.coefficient_words))
        following = Signal.like(address)
        base = Signal.like(address)
        valid, head, bank = Signal(), Signal(), Signal()
        columns = Signal(range(config.accumulators + 1))
        column = Signal(log2(config.accumulators))
        size = Signal(2)
        weight = Signal(2)
        m.d.sync += address.eq(following)
        loading = columns != 0
        first = weight == 0
        row = Signal(row_bits(config))
        distance = Signal(row_bits(config))
        m.d.comb += [
            following.eq(address),
            words.address.eq(following),
            write.addr.eq(column),
            write.data.eq(words.data.bits),
            row.eq(self.row),
            distance.eq(self.written - row),
            read.addr.eq(self.step.slot),
            self.column.eq(read.data),
            self.step.operand.eq(entry.codes),
            self.step.slot.eq(entry.slot + weight),
            self.step.bank.eq(bank),
            self.step.place.eq(row),
            self.end_bank.eq(bank),
        ]
        with m.If(~head & ~loading & first):
            m.d.comb += row.eq(self.row + entry.advance[:places])
        here = (distance != 0) & (distance <= config.window)
        m.d.comb += self.look[0].eq(row)
        marked, again = self.flags[0].marker, self.flags[0].rewind
        with m.If(valid & here & ~self.bad & ~self.hold):
            with m.If(head):
                m.d.comb += following.eq(address + 1)
                m.d.sync += [
                    head.eq(0),
                    base.eq(address + 1),
                    size.eq(head_word.size),
                    columns.eq(head_word.slots),
                    column.eq(0),
                    self.bad.eq(
                        (head_word.slots > config.accumulators) | (head_word.size < REBUILD_GROUPS[0])
                    ),
                ]
            with m.Elif(loading):
                m.d.comb += [following.eq(address + 1), write.en.eq(1)]
                m.d.sync += [base.eq(address + 1), columns.eq(columns - 1), column.eq(column + 1)]
            with m.Elif(first & marked), m.If(~self.busy.bit_select(~bank, 1)):
                m.d.comb += [self.end.eq(1), following.eq(address + 1)]
                m.d.sync += [self.row.eq(row + 1), bank.eq(~bank), head.eq(1)]
                with m.If(again):
                    m.d.comb += following.eq(base)
                    m.d.sync += head.eq(0)
            with m.Else():
                m.d.comb += self.step_valid.eq(1)
                m.d.sync += [self.row.eq(row), weight.eq(weight + 1)]
                with m.If(weight == size - 1):
                    m.d.sync += weight.eq(0)
                    m.d.comb += following.eq(address + 1)

        with m.If(self.start):
            m.d.comb += following.eq(0)
            m.d.sync += [
                valid.eq(1),
                head.eq(1),
                columns.eq(0),
                weight.eq(0),
                bank.eq(0),
                self.row.eq(0),
                self.bad.eq(0),
            ]
        return m
