"""The stream of an engine that rebuilds its weights: bases, and rows of Ce."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring

from golden.spec.baselines import REBUILD_GROUPS, REBUILD_HEAD, REBUILD_RECORD
from golden.spec.config import Config
from golden.spec.memories import Memory, log2
from hw.engine.steps import stream_signature
from hw.interfaces import row_bits
from hw.parts.layouts import layout
from hw.parts.memory import LoadedMemory


class RebuildStream(wiring.Component):
    """Reads blocks of rows of Ce; each row is S steps, one for each weight that it stands for.

    Golden: `golden.baselines.decode`; cycles: `golden.baselines.cycles`.  Latency: a step is issued in the
    cycle in which its row of Ce is read.  Throughput: one step per cycle; the head of a block takes one
    cycle and one for each column of B.

    Members: `stream_signature`; `skip` changes nothing.  A column of B goes to the lanes as the operand of a
    step that is not valid (`RebuiltAddends`).
    """

    def __init__(self, config: Config, engine: int) -> None:
        self._config = config
        self._engine = engine
        super().__init__(stream_signature(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        ahead, steps = self.ahead, self.steps
        places = log2(config.window)
        word = data.StructLayout({"bits": REBUILD_RECORD.bits})
        m.submodules.words = words = LoadedMemory(config, Memory.COEFFICIENT + self._engine, word)
        wiring.connect(m, wiring.flipped(self.load), words.load)
        entry = data.View(layout(REBUILD_RECORD), words.data.bits)
        head_word = data.View(layout(REBUILD_HEAD), words.data.bits[: REBUILD_HEAD.bits])

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
        store = Signal()
        first = weight == 0
        row = Signal(row_bits(config))
        distance = Signal(row_bits(config))
        m.d.comb += [
            following.eq(address),
            words.address.eq(following),
            row.eq(self.row),
            distance.eq(ahead.written - row),
            steps.step.operand.eq(Cat(words.data.bits, store)),
            steps.step.slot.eq(Mux(loading, column, entry.slot + weight)),
            steps.step.bank.eq(bank),
            steps.step.place.eq(row),
            steps.end_bank.eq(bank),
        ]
        with m.If(~head & ~loading & first):
            m.d.comb += row.eq(self.row + entry.advance[:places])
        here = (distance != 0) & (distance <= config.window)
        m.d.comb += ahead.look[0].eq(row)
        marked, again = ahead.flags[0].marker, ahead.flags[0].rewind
        with m.If(valid & here & ~self.bad & ~steps.hold):
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
                m.d.comb += [following.eq(address + 1), store.eq(1)]
                m.d.sync += [base.eq(address + 1), columns.eq(columns - 1), column.eq(column + 1)]
            with m.Elif(first & marked), m.If(~steps.busy.bit_select(~bank, 1)):
                m.d.comb += [steps.end.eq(1), following.eq(address + 1)]
                m.d.sync += [self.row.eq(row + 1), bank.eq(~bank), head.eq(1)]
                with m.If(again):
                    m.d.comb += following.eq(base)
                    m.d.sync += head.eq(0)
            with m.Else():
                m.d.comb += steps.valid.eq(1)
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
