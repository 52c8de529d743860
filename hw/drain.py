"""The drain: takes finished jobs in order and issues their basis terms."""

from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.spec import formats, memories
from golden.spec.config import Config
from golden.spec.memories import Fold, Memory, Operation, back_record, filter_record, log2
from hw.basis import slice_bits
from hw.layouts import layout
from hw.memory import LoadedMemory, load_signature

FLUSH = 23
"""Cycles after the last term of a layer in which its words reach memory; see `hw.operands`, `hw.output`."""

RESIDUAL_GAP = 4
POOL_GAP = 8
"""Cycles between the read of an output's residual and the write of the output, without and with pooling."""


def token_layout(config: Config) -> data.StructLayout:
    """What goes down the output pipeline with each term.

    valid: it is a term.  first, last: of an output slice.  column: see `hw.basis`.  slice: lanes.
    address: word of the output.  tail: the tile is the last of its plane.  pool_index: channel in
    the round.  pool_first, pool_last: slice of the channel's map.  turn_end: the engine is done
    with the job.
    """
    return data.StructLayout(
        {
            "valid": 1,
            "first": 1,
            "last": 1,
            "column": 2,
            "slice": slice_bits(config),
            "address": memories.feature_bits(config),
            "tail": 1,
            "pool_index": log2(1 << (config.engines * config.accumulators - 1).bit_length()),
            "pool_first": 1,
            "pool_last": 1,
            "turn_end": 1,
        }
    )


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
    """Walks through rounds, tiles, engines, filters, slices and terms (docs/machine.md, 2 and 3).

    Golden: `golden.machine`.  Throughput: one term per cycle while jobs are finished; one cycle for
    an engine without filters; `FLUSH` + 2 cycles between layers.  With a residual, an output does
    not end `RESIDUAL_GAP` (pooling: `POOL_GAP`) cycles after another, since both would use the same
    memory port.

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
        round_ = Signal.like(now.rounds)
        tile = Signal.like(now.tiles)
        plane_tile = Signal.like(now.plane_tiles)
        engine = self.engine
        member = Signal.like(now.engine_filters)
        slice_ = Signal(slice_bits(config))
        k = Signal(2)
        q = Signal(2)
        group_slot = Signal(log2(config.accumulators) + 1)
        in_group = Signal(2)
        pool_index = Signal(self.token.shape()["pool_index"].shape)
        # Running positions, and where this round began, to return to for its next tile.
        left, round_left = Signal.like(now.filters), Signal.like(now.filters)
        term_at, round_term, filter_term = (Signal.like(now.term_address) for _ in range(3))
        filter_at, round_filter = Signal.like(now.filter_address), Signal.like(now.filter_address)
        word, round_word = Signal.like(now.output_address), Signal.like(now.output_address)

        column_fold = now.fold == Fold.COLUMN
        last_k, last_q, last_slice, last_filter = Signal(), Signal(), Signal(), Signal()
        last_engine, last_tile, last_round, last_term = Signal(), Signal(), Signal(), Signal()
        empty = Signal()
        ready = Signal()
        conflict = Signal()
        step = Signal()
        ended = Signal(POOL_GAP)
        m.d.comb += [
            last_k.eq(k == Mux(column_fold, formats.BASIS - 1, now.group - 1)),
            last_q.eq(~column_fold | (q == formats.BASIS - 1)),
            last_term.eq(last_k & last_q),
            last_slice.eq(slice_ == config.lanes // config.basis - 1),
            last_filter.eq((member == now.engine_filters - 1) | (left == 1)),
            last_engine.eq(engine == config.engines - 1),
            last_tile.eq(tile == now.tiles - 1),
            last_round.eq(round_ == now.rounds - 1),
            empty.eq(left == 0),
            ready.eq(Array(self.full)[engine].bit_select(self.bank, 1)),
            conflict.eq(
                now.residual & last_term & Mux(now.pool, ended[POOL_GAP - 1], ended[RESIDUAL_GAP - 1])
            ),
            instructions.address.eq(counter),
            terms.address.eq(term_at),
            filters.address.eq(filter_at),
            self.term.eq(terms.data.value),
            self.bias.eq(filters.data.bias),
            self.shift.eq(filters.data.shift),
            self.slot.eq(group_slot + k),
            self.part.eq(k),
            self.read.eq(self.token.valid & (slice_ == 0) & Mux(column_fold, q == 0, in_group == 0)),
        ]
        m.d.sync += ended.eq(Cat(self.token.valid & self.token.last, ended))

        engine_done = Signal()
        job_done = Signal()
        m.d.comb += [
            engine_done.eq(step & (empty | (last_term & last_slice & last_filter))),
            job_done.eq(engine_done & last_engine),
            self.token.valid.eq(step & ~empty),
            self.token.first.eq((k == 0) & (q == 0)),
            self.token.last.eq(last_term),
            self.token.column.eq(Mux(column_fold, q, 1)),
            self.token.slice.eq(slice_),
            self.token.address.eq(word + tile),
            self.token.tail.eq(plane_tile == now.plane_tiles - 1),
            self.token.pool_index.eq(pool_index),
            self.token.pool_first.eq((tile == 0) & (slice_ == 0)),
            self.token.pool_last.eq(last_tile & last_slice),
            self.token.turn_end.eq(engine_done),
        ]
        for number, release in enumerate(self.release):
            m.d.comb += release.eq(
                Cat(engine_done & (engine == number) & (self.bank == bank) for bank in range(2))
            )

        flush = Signal(range(FLUSH + 1))
        with m.FSM():
            with m.State("IDLE"), m.If(self.start):
                m.d.sync += [counter.eq(0), self.bank.eq(0)]
                m.next = "READ"
            with m.State("READ"):
                m.next = "DECODE"
            with m.State("DECODE"):
                new = instructions.data
                m.d.sync += [
                    now.eq(new),
                    counter.eq(counter + 1),
                    round_.eq(0),
                    tile.eq(0),
                    plane_tile.eq(0),
                    engine.eq(0),
                    left.eq(new.filters),
                    round_left.eq(new.filters),
                    term_at.eq(new.term_address),
                    round_term.eq(new.term_address),
                    filter_term.eq(new.term_address),
                    filter_at.eq(new.filter_address),
                    round_filter.eq(new.filter_address),
                    word.eq(new.output_address),
                    round_word.eq(new.output_address),
                ]
                with m.If(new.operation == Operation.END):
                    m.next = "FINISHED"
                with m.Elif(_legal(new, config)):
                    m.next = "DRAIN"
                with m.Else():
                    m.next = "ILLEGAL"
            with m.State("DRAIN"):
                m.d.comb += step.eq(ready & (empty | ~conflict))
                with m.If(step & ~empty):
                    m.d.sync += [term_at.eq(term_at + 1), q.eq(q + 1)]
                    with m.If(last_q):
                        m.d.sync += [q.eq(0), k.eq(k + 1)]
                    with m.If(last_term):
                        m.d.sync += [k.eq(0), term_at.eq(filter_term), slice_.eq(slice_ + 1)]
                        with m.If(last_slice):
                            m.d.sync += [
                                slice_.eq(0),
                                term_at.eq(term_at + 1),
                                filter_term.eq(term_at + 1),
                                filter_at.eq(filter_at + 1),
                                word.eq(word + now.output_stride),
                                left.eq(left - 1),
                                member.eq(member + 1),
                                pool_index.eq(pool_index + 1),
                                in_group.eq(in_group + 1),
                            ]
                            with m.If(column_fold):
                                m.d.sync += [in_group.eq(0), group_slot.eq(group_slot + formats.BASIS)]
                            with m.Elif(in_group == now.group - 1):
                                m.d.sync += [in_group.eq(0), group_slot.eq(group_slot + now.group)]
                with m.If(engine_done):
                    m.d.sync += [engine.eq(engine + 1), member.eq(0), group_slot.eq(0), in_group.eq(0)]
                with m.If(job_done):
                    m.d.sync += [
                        engine.eq(0),
                        self.bank.eq(~self.bank),
                        pool_index.eq(0),
                        plane_tile.eq(plane_tile + 1),
                    ]
                    with m.If(self.token.tail | last_tile):
                        m.d.sync += plane_tile.eq(0)
                    with m.If(~last_tile):
                        m.d.sync += [
                            tile.eq(tile + 1),
                            left.eq(round_left),
                            term_at.eq(round_term),
                            filter_term.eq(round_term),
                            filter_at.eq(round_filter),
                            word.eq(round_word),
                        ]
                    with m.Else():
                        # The next round begins where this one ends.
                        one = ~empty
                        m.d.sync += [
                            tile.eq(0),
                            round_.eq(round_ + 1),
                            round_left.eq(left - one),
                            round_term.eq(term_at + one),
                            round_filter.eq(filter_at + one),
                            round_word.eq(word + Mux(empty, 0, now.output_stride)),
                        ]
                        with m.If(last_round):
                            m.d.sync += flush.eq(FLUSH)
                            m.next = "FLUSH"
            with m.State("FLUSH"):
                m.d.sync += flush.eq(flush - 1)
                with m.If(flush == 1):
                    m.next = "DECODE"
            with m.State("FINISHED"):
                m.d.comb += self.finished.eq(1)
                with m.If(self.start):
                    m.d.sync += [counter.eq(0), self.bank.eq(0)]
                    m.next = "READ"
            with m.State("ILLEGAL"):
                m.d.comb += self.illegal.eq(1)
        with m.If(self.start):
            m.d.sync += [
                position.eq(0) for position in (member, slice_, k, q, group_slot, in_group, pool_index)
            ]
        return m
