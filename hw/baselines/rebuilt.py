"""The stream of an engine that rebuilds its weights: bases, and rows of Ce."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring

from golden.spec.baselines import REBUILD_GROUPS, REBUILD_HEAD, REBUILD_RECORD
from golden.spec.config import Config
from golden.spec.memories import log2
from hw.baselines.blocks import Blocks
from hw.engine.steps import stream_signature
from hw.parts.layouts import layout


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
        steps = self.steps
        places = log2(config.window)
        word = data.StructLayout({"bits": REBUILD_RECORD.bits})
        blocks = Blocks(m, self, config, self._engine, word)
        entry = data.View(layout(REBUILD_RECORD), blocks.data.bits)
        head_word = data.View(layout(REBUILD_HEAD), blocks.data.bits[: REBUILD_HEAD.bits])
        row = blocks.row
        columns = Signal(range(config.accumulators + 1))
        column = Signal(log2(config.accumulators))
        size = Signal(2)
        weight = Signal(2)
        loading = columns != 0
        store = Signal()
        first = weight == 0
        m.d.comb += [
            row.eq(self.row),
            steps.step.operand.eq(Cat(blocks.data.bits, store)),
            steps.step.slot.eq(Mux(loading, column, entry.slot + weight)),
        ]
        with m.If(~blocks.head & ~loading & first):
            m.d.comb += row.eq(self.row + entry.advance[:places])
        following = blocks.address + 1
        with m.If(blocks.goes):
            with m.If(blocks.head):
                m.d.comb += blocks.following.eq(following)
                m.d.sync += [
                    blocks.head.eq(0),
                    blocks.base.eq(following),
                    size.eq(head_word.size),
                    columns.eq(head_word.slots),
                    column.eq(0),
                    self.bad.eq(
                        (head_word.slots > config.accumulators) | (head_word.size < REBUILD_GROUPS[0])
                    ),
                ]
            with m.Elif(loading):
                m.d.comb += [blocks.following.eq(following), store.eq(1)]
                m.d.sync += [blocks.base.eq(following), columns.eq(columns - 1), column.eq(column + 1)]
            with m.Elif(first & blocks.marked), m.If(blocks.may_end):
                blocks.end(m)
                m.d.comb += blocks.following.eq(following)
                m.d.sync += blocks.head.eq(1)
                with m.If(blocks.again):
                    m.d.comb += blocks.following.eq(blocks.base)
                    m.d.sync += blocks.head.eq(0)
            with m.Else():
                m.d.comb += steps.valid.eq(1)
                m.d.sync += [self.row.eq(row), weight.eq(weight + 1)]
                with m.If(weight == size - 1):
                    m.d.sync += weight.eq(0)
                    m.d.comb += blocks.following.eq(following)
        blocks.begin_at_start(m, columns, weight)
        return m
