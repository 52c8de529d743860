"""The stream of an engine that multiplies: int8 weights, dense or without rows of zeros."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring

from golden.spec.baselines import ROWS_INT8, WEIGHT_RECORD
from golden.spec.config import Config
from golden.spec.memories import log2
from hw.baselines.blocks import Blocks
from hw.engine.steps import stream_signature
from hw.parts.layouts import layout


class WeightStream(wiring.Component):
    """Reads blocks of weights, one weight per cycle (docs/machine.md, section 9).

    Golden: `golden.baselines.decode`; cycles: `golden.baselines.cycles`.  Latency: a weight is issued in the
    cycle in which it is read.  Throughput: one weight per cycle; a block's head takes one.

    Members: `stream_signature`; `skip` changes nothing.
    """

    def __init__(self, config: Config, engine: int) -> None:
        self._config = config
        self._engine = engine
        super().__init__(stream_signature(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        steps = self.steps
        sparse = config.arithmetic == ROWS_INT8.name
        places = log2(config.window)
        blocks = Blocks(m, self, config, self._engine, layout(WEIGHT_RECORD))
        word, row = blocks.data, blocks.row
        second = Signal()
        slot = Signal(log2(config.accumulators))
        last_slot = Signal.like(slot)
        empty = Signal()

        # The first word of a kept row begins with its advance.
        at_row = slot == 0
        skipping = sparse & at_row & ~blocks.head
        half = second | skipping
        m.d.comb += [
            row.eq(self.row + Mux(skipping, word.first[:places], 0)),
            steps.step.operand.eq(Mux(half, word.second, word.first)),
            steps.step.slot.eq(slot),
        ]
        with m.If(blocks.goes):
            with m.If(blocks.head):
                count = word.first
                m.d.comb += blocks.following.eq(blocks.address + 1)
                m.d.sync += [
                    blocks.head.eq(0),
                    blocks.base.eq(blocks.address + 1),
                    empty.eq(count == 0),
                    last_slot.eq(Mux(count == 0, 0, count - 1)),
                    self.bad.eq((count > config.accumulators) | (sparse & (count == 0))),
                ]
            with m.Elif(at_row & blocks.marked), m.If(blocks.may_end):
                blocks.end(m)
                m.d.sync += second.eq(0)
                with m.If(blocks.again):
                    m.d.comb += blocks.following.eq(blocks.base)
                with m.Else():
                    m.d.comb += blocks.following.eq(blocks.address + half)
                    m.d.sync += blocks.head.eq(1)
            with m.Else():
                last = slot == last_slot
                m.d.comb += steps.valid.eq(~empty)
                m.d.sync += [self.row.eq(row), slot.eq(slot + 1)]
                with m.If(~empty):
                    m.d.sync += second.eq(~half)
                    m.d.comb += blocks.following.eq(blocks.address + half)
                with m.If(last):
                    m.d.sync += slot.eq(0)
                    if sparse:
                        m.d.sync += second.eq(0)
                        m.d.comb += blocks.following.eq(blocks.address + 1)
                    else:
                        m.d.sync += self.row.eq(row + 1)
        blocks.begin_at_start(m, second, slot)
        return m
