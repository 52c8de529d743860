"""The stream of an engine that multiplies: int8 weights, dense or without rows of zeros."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring

from golden.spec.baselines import ROWS_INT8, WEIGHT_RECORD
from golden.spec.config import Config
from golden.spec.memories import Memory, log2
from hw.engine.steps import stream_signature
from hw.interfaces import row_bits
from hw.parts.layouts import layout
from hw.parts.memory import LoadedMemory


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
        ahead, steps = self.ahead, self.steps
        sparse = config.arithmetic == ROWS_INT8.name
        places = log2(config.window)
        m.submodules.words = words = LoadedMemory(
            config, Memory.COEFFICIENT + self._engine, layout(WEIGHT_RECORD)
        )
        wiring.connect(m, wiring.flipped(self.load), words.load)

        address = Signal(log2(config.coefficient_words))
        following = Signal.like(address)
        base = Signal.like(address)
        valid = Signal()
        head = Signal()
        second = Signal()
        bank = Signal()
        slot = Signal(log2(config.accumulators))
        last_slot = Signal.like(slot)
        empty = Signal()
        m.d.sync += address.eq(following)
        m.d.comb += [following.eq(address), words.address.eq(following)]

        # The first word of a kept row begins with its advance.
        at_row = slot == 0
        row = Signal(row_bits(config))
        distance = Signal(row_bits(config))
        skipping = sparse & at_row & ~head
        m.d.comb += [
            row.eq(self.row + Mux(skipping, words.data.first[:places], 0)),
            distance.eq(ahead.written - row),
            steps.step.operand.eq(Mux(second | skipping, words.data.second, words.data.first)),
            steps.step.slot.eq(slot),
            steps.step.bank.eq(bank),
            steps.step.place.eq(row),
            steps.end_bank.eq(bank),
        ]
        here = (distance != 0) & (distance <= config.window)
        m.d.comb += ahead.look[0].eq(row)
        marked, again = ahead.flags[0].marker, ahead.flags[0].rewind
        half = second | skipping
        with m.If(valid & here & ~self.bad & ~steps.hold):
            with m.If(head):
                count = words.data.first
                m.d.comb += following.eq(address + 1)
                m.d.sync += [
                    head.eq(0),
                    base.eq(address + 1),
                    empty.eq(count == 0),
                    last_slot.eq(Mux(count == 0, 0, count - 1)),
                    self.bad.eq((count > config.accumulators) | (sparse & (count == 0))),
                ]
            with m.Elif(at_row & marked), m.If(~steps.busy.bit_select(~bank, 1)):
                m.d.comb += steps.end.eq(1)
                m.d.sync += [self.row.eq(row + 1), bank.eq(~bank), second.eq(0)]
                with m.If(again):
                    m.d.comb += following.eq(base)
                with m.Else():
                    m.d.comb += following.eq(address + half)
                    m.d.sync += head.eq(1)
            with m.Else():
                last = slot == last_slot
                m.d.comb += steps.valid.eq(~empty)
                m.d.sync += [self.row.eq(row), slot.eq(slot + 1)]
                with m.If(~empty):
                    m.d.sync += second.eq(~half)
                    m.d.comb += following.eq(address + half)
                with m.If(last):
                    m.d.sync += slot.eq(0)
                    if sparse:
                        m.d.sync += second.eq(0)
                        m.d.comb += following.eq(address + 1)
                    else:
                        m.d.sync += self.row.eq(row + 1)

        with m.If(self.start):
            m.d.comb += following.eq(0)
            m.d.sync += [
                valid.eq(1),
                head.eq(1),
                second.eq(0),
                slot.eq(0),
                bank.eq(0),
                self.row.eq(0),
                self.bad.eq(0),
            ]
        return m
