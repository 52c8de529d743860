"""The drain: takes finished jobs in order and issues their basis terms."""

from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.spec import formats, latency
from golden.spec.config import Config
from golden.spec.memories import Fold, Memory, Operation, back_record, filter_record, log2
from hw.layouts import layout
from hw.memory import LoadedMemory, load_signature
from hw.walk import Walk, output_fields


def token_layout(config: Config) -> data.StructLayout:
    """What goes down the output pipeline with each term.

    valid: it is a term.  turn_end: the engine is done with the job.  The others: see `output_fields`.
    """
    return data.StructLayout({"valid": 1, **output_fields(config), "turn_end": 1})


def _legal(layer: Any, config: Config) -> Value:
    """A back word that the drain can follow; `golden.decode` has the same rules."""
    filters = layer.engine_filters
    column = config.accumulators // formats.BASIS
    fits = Cat(
        (layer.group == group)
        & (filters <= Mux(layer.fold == Fold.COLUMN, column, config.accumulators // group * group))
        for group in formats.GROUPS
    ).any()
    widths = [1 << i for i in range(log2(config.lanes) + 1)]
    sizes = [layer.rounds, layer.tiles, layer.filters, filters, layer.plane_tiles, layer.last_lanes]
    return (
        (layer.operation == Operation.LAYER)
        & Cat(size != 0 for size in sizes).all()
        & Cat(layer.row_width == width for width in widths).any()
        & (layer.last_lanes <= config.lanes)
        & fits
    )


class Drain(wiring.Component):
    """Reads instructions and issues what `hw.walk` shows, as soon as its sum stands (docs/machine.md, 2, 3).

    Golden: `golden.machine`.  Throughput: one term per cycle while jobs are finished; one cycle for
    an engine without filters; `latency.FLUSH` + 4 cycles between layers.  With a residual, an output does
    not end `latency.RESIDUAL_GAP` (pooling: `latency.POOLED_RESIDUAL_GAP`) cycles after another, since
    both would use the same memory port.

    Members
    -------
    load: load bus (back words, terms, filter words).
    start: In, begin with instruction 0.
    full: In, per engine, banks whose sums stand.  release: Out, per engine, banks drained.
    engine, bank, slot: Out, the partial sum of this cycle's term.
    read: Out, the sum has not been read since the group began; else it is at hand (`hw.operands`).
    part: Out, number of the sum in its group.
    token: Out, see `token_layout`, in the cycle of the term.
    term, bias, shift: Out, one cycle after their token.
    layer: Out, the back word of the layer in hand; stands still until its words are in memory.
    finished: Out, END was reached.  illegal: Out, an instruction is illegal.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(
            {
                "load": In(load_signature(config)),
                "start": In(1),
                "full": In(2).array(config.engines),
                "release": Out(2).array(config.engines),
                "engine": Out(range(max(config.engines, 2))),
                "bank": Out(1),
                "slot": Out(log2(config.accumulators)),
                "read": Out(1),
                "part": Out(2),
                "token": Out(token_layout(config)),
                "term": Out(signed(formats.ACTIVATION_BITS)),
                "bias": Out(signed(formats.BIAS_BITS)),
                "shift": Out(formats.SHIFT_BITS),
                "layer": Out(layout(back_record(config))),
                "finished": Out(1),
                "illegal": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        back = layout(back_record(config))
        m.submodules.instructions = instructions = LoadedMemory(config, Memory.BACK, back)
        m.submodules.terms = terms = LoadedMemory(
            config, Memory.TERM, data.StructLayout({"value": signed(formats.ACTIVATION_BITS)})
        )
        m.submodules.filters = filters = LoadedMemory(config, Memory.FILTER, layout(filter_record()))
        for memory in (instructions, terms, filters):
            wiring.connect(m, wiring.flipped(self.load), memory.load)

        now = self.layer
        counter = Signal(log2(config.instructions))
        m.submodules.walk = walk = Walk(config)
        step = walk.step
        ready = Signal()
        conflict = Signal()
        issue = Signal()
        draining = Signal()
        ended = Signal(latency.POOLED_RESIDUAL_GAP)
        m.d.comb += [
            conflict.eq(
                now.residual
                & step.last
                & Mux(now.pool, ended[latency.POOLED_RESIDUAL_GAP - 1], ended[latency.RESIDUAL_GAP - 1])
            ),
            issue.eq(draining & ready & (step.empty | ~conflict)),
            walk.layer.eq(now),
            walk.start.eq(self.start),
            instructions.address.eq(counter),
            terms.address.eq(step.term),
            filters.address.eq(step.filter),
            self.term.eq(terms.data.value),
            self.bias.eq(filters.data.bias),
            self.shift.eq(filters.data.shift),
            self.engine.eq(step.engine),
            self.bank.eq(step.bank),
            self.slot.eq(step.slot),
            self.part.eq(step.part),
            self.read.eq(self.token.valid & step.read),
        ]
        # Of the step that is shown in the next cycle: issue decides which one that is, so it must come early.
        full = Array(self.full)
        m.d.sync += ready.eq(
            Mux(
                walk.advance,
                full[walk.next_engine].bit_select(walk.next_bank, 1),
                full[step.engine].bit_select(step.bank, 1),
            )
        )
        m.d.sync += ended.eq(Cat(self.token.valid & self.token.last, ended))
        for name in self.token.shape().members:
            if name not in ("valid", "turn_end"):
                m.d.comb += self.token[name].eq(step[name])
        m.d.comb += [
            self.token.valid.eq(issue & ~step.empty),
            self.token.turn_end.eq(issue & step.turn_end),
        ]
        for number, release in enumerate(self.release):
            m.d.comb += release.eq(
                Cat(self.token.turn_end & (step.engine == number) & (step.bank == bank) for bank in range(2))
            )

        flush = Signal(range(latency.FLUSH + 1))
        # What an instruction is takes a cycle to tell.
        ends, legal = Signal(), Signal()
        m.d.sync += [ends.eq(now.operation == Operation.END), legal.eq(_legal(now, config))]
        with m.FSM():
            with m.State("IDLE"), m.If(self.start):
                m.d.sync += counter.eq(0)
                m.next = "READ"
            with m.State("READ"):
                m.next = "DECODE"
            with m.State("DECODE"):
                m.d.sync += [now.eq(instructions.data), counter.eq(counter + 1)]
                m.next = "BEGIN"
            with m.State("BEGIN"):
                m.d.comb += walk.begin.eq(1)
                m.next = "FIRST"
            with m.State("FIRST"):
                m.d.comb += walk.advance.eq(1)
                with m.If(ends):
                    m.next = "FINISHED"
                with m.Elif(legal):
                    m.next = "DRAIN"
                with m.Else():
                    m.next = "ILLEGAL"
            with m.State("DRAIN"):
                m.d.comb += [draining.eq(1), walk.advance.eq(issue & ~step.layer_end)]
                with m.If(issue & step.layer_end):
                    m.d.sync += flush.eq(latency.FLUSH)
                    m.next = "FLUSH"
            with m.State("FLUSH"):
                m.d.sync += flush.eq(flush - 1)
                with m.If(flush == 1):
                    m.next = "DECODE"
            with m.State("FINISHED"):
                m.d.comb += self.finished.eq(1)
                with m.If(self.start):
                    m.d.sync += counter.eq(0)
                    m.next = "READ"
            with m.State("ILLEGAL"):
                m.d.comb += self.illegal.eq(1)
        return m
