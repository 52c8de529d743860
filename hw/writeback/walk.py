"""The walk of the drain through a layer: what comes next, one step ahead."""

from collections.abc import Mapping
from typing import Any

from amaranth.hdl import Const, Module, Mux, Signal, Value, ValueLike
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec import formats
from golden.spec.config import Config
from golden.spec.memories import Fold, back_record, log2
from hw.parts.layouts import layout
from hw.parts.position import Position
from hw.writeback.basis import slice_bits
from hw.writeback.layouts import pool_index_bits, walk_layout


def _counted(there: bool, bits: int, name: str | None = None, still: int = 0) -> Value:
    """A register; `still`, where the configuration does without it."""
    return Signal(bits, name=name) if there else Const(still, bits)


def _set(target: Value, value: ValueLike) -> list[Any]:
    """What makes a register of `_counted` that value next; nothing where it is none."""
    return [target.eq(value)] if isinstance(target, Signal) else []


class Walk(wiring.Component):
    """Rounds, tiles, engines, filters, slices and terms of a layer (docs/machine.md, 2 and 3).

    Golden: `golden.machine`.  Throughput: one step per cycle.

    Members
    -------
    layer: In, back word, still.  start: In, bank 0 comes next.
    begin: In, a cycle after the layer came: go to its beginning.
    advance: In, from the cycle after `begin` until the layer's last step is shown: show the next step.
    step: Out, a register, see `walk_layout`.
    next_engine, next_bank: Out, of the step after it.

    probe: for proofs, once it is elaborated: name → register, of the step after the one that is shown: its
    places, the filters that are `left`, the `word` of the output, and where the round began.
    """

    probe: Mapping[str, Value]

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(
            {
                "layer": In(layout(back_record(config))),
                "start": In(1),
                "begin": In(1),
                "advance": In(1),
                "step": Out(walk_layout(config)),
                "next_engine": Out(range(max(config.engines, 2))),
                "next_bank": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        now = self.layer
        round_ = Position(m, "round", now.rounds)
        tile = Position(m, "tile", now.tiles)
        plane_tile = Position(m, "plane_tile", now.plane_tiles)
        member = Position(m, "member", now.engine_filters)
        engine, bank = self.next_engine, self.next_bank
        slice_ = Signal(slice_bits(config))
        # What a configuration without a basis does not count is a constant.
        bases, several = config.bases, config.several_terms
        k = _counted(several, 2, "k")
        q = _counted(bases, 2, "q")
        group_slot = Signal(log2(config.accumulators) + 1)
        in_group = _counted(bases, 2, "in_group")
        pool_index = Signal(pool_index_bits(config))
        # Running positions, and where this round began, to return to for its next tile.
        left, round_left = (Signal.like(now.filters, name=name) for name in ("left", "round_left"))
        empty, round_empty, one, round_one = (
            Signal(name=name) for name in ("empty", "round_empty", "one", "round_one")
        )
        term_at, round_term, filter_term = (
            Signal.like(now.term_address, name=name) for name in ("term_at", "round_term", "filter_term")
        )
        filter_at, round_filter = (
            Signal.like(now.filter_address, name=name) for name in ("filter_at", "round_filter")
        )
        word, round_word = (Signal.like(now.output_address, name=name) for name in ("word", "round_word"))

        # Of the layer alone, hence in registers.
        column_fold = now.fold == Fold.COLUMN if bases else Const(0, 1)
        columns, group_end = _counted(bases, 1), _counted(bases, 2, "group_end")
        k_end = _counted(several, 2)
        m.d.sync += [
            *_set(columns, column_fold),
            *_set(k_end, Mux(column_fold, formats.BASIS - 1, now.group - 1)),
            *_set(group_end, Mux(now.fold == Fold.GROUP, now.group - 1, 0)),
        ]

        # Where the counts stand at their last value; registers, too.
        slices = config.lanes // config.basis
        last_q = _counted(bases, 1, "last_q", still=1)
        last_k, last_term = (_counted(several, 1, name, still=1) for name in ("last_k", "last_term"))
        last_engine = Signal()
        last_slice: Value = Signal(name="last_slice") if slices > 1 else Const(1, 1)
        engine_done, job_done = Signal(), Signal()
        m.d.comb += [
            engine_done.eq(empty | (last_term & last_slice & (member.last | one))),
            job_done.eq(engine_done & last_engine),
        ]
        shown = {
            "empty": empty,
            "engine": engine,
            "bank": bank,
            "slot": group_slot + k,
            "part": k,
            "read": (slice_ == 0) & Mux(columns, q == 0, in_group == 0),
            "term": term_at,
            "filter": filter_at,
            "turn_end": engine_done,
            "layer_end": job_done & tile.last & round_.last,
            "first": (k == 0) & (q == 0),
            "last": last_term,
            "column": Mux(columns, q, 1),
            "slice": slice_,
            "address": word + tile.value,
            "tail": plane_tile.last,
            "pool_index": pool_index,
            "pool_first": (tile.value == 0) & (slice_ == 0),
            "pool_last": tile.last & last_slice,
        }
        there = self.step.shape().members
        with m.If(self.advance):
            m.d.sync += [self.step[name].eq(shown[name]) for name in shown if name in there]
            with m.If(~empty):
                m.d.sync += [
                    term_at.eq(term_at + 1),
                    *_set(q, q + 1),
                    *_set(last_q, ~columns | (q == formats.BASIS - 2)),
                    *_set(last_term, last_k & (q == formats.BASIS - 2)),
                ]
                with m.If(last_q):
                    m.d.sync += [
                        *_set(q, 0),
                        *_set(k, k + 1),
                        *_set(last_k, k + 1 == k_end),
                        *_set(last_term, ~columns & (k + 1 == k_end)),
                    ]
                with m.If(last_term):
                    m.d.sync += [
                        *_set(k, 0),
                        *_set(last_k, k_end == 0),
                        *_set(last_term, k_end == 0),
                        term_at.eq(filter_term),
                        slice_.eq(slice_ + 1),
                        *([last_slice.eq(slice_ == slices - 2)] if slices > 1 else []),
                    ]
                    with m.If(last_slice):
                        member.next()
                        m.d.sync += [
                            slice_.eq(0),
                            term_at.eq(term_at + 1),
                            filter_term.eq(term_at + 1),
                            filter_at.eq(filter_at + 1),
                            word.eq(word + now.output_stride),
                            left.eq(left - 1),
                            empty.eq(one),
                            one.eq(left == 2),
                            pool_index.eq(pool_index + 1),
                            *_set(in_group, in_group + 1),
                        ]
                        with m.If(in_group == group_end):
                            # k is the last one of the group.
                            m.d.sync += [*_set(in_group, 0), group_slot.eq(group_slot + k + 1)]
            with m.If(engine_done):
                member.clear()
                m.d.sync += [
                    engine.eq(engine + 1),
                    last_engine.eq(engine == config.engines - 2),
                    group_slot.eq(0),
                    *_set(in_group, 0),
                ]
            with m.If(job_done):
                m.d.sync += [
                    engine.eq(0),
                    last_engine.eq(config.engines == 1),
                    bank.eq(~bank),
                    pool_index.eq(0),
                ]
                with m.If(plane_tile.last | tile.last):
                    plane_tile.clear()
                with m.Else():
                    plane_tile.next()
                with m.If(~tile.last):
                    tile.next()
                    m.d.sync += [
                        left.eq(round_left),
                        empty.eq(round_empty),
                        one.eq(round_one),
                        term_at.eq(round_term),
                        filter_term.eq(round_term),
                        filter_at.eq(round_filter),
                        word.eq(round_word),
                    ]
                with m.Else():
                    # The next round begins where this one ends.
                    tile.clear()
                    round_.next()
                    m.d.sync += [
                        round_left.eq(left - ~empty),
                        round_empty.eq(empty | one),
                        round_one.eq(left == 2),
                        round_term.eq(term_at + ~empty),
                        round_filter.eq(filter_at + ~empty),
                        round_word.eq(word + Mux(empty, 0, now.output_stride)),
                    ]
        with m.If(self.begin):
            zero = (engine, slice_, k, q, group_slot, in_group, pool_index)
            m.d.sync += [statement for count in zero for statement in _set(count, 0)]
            m.d.sync += [
                *_set(last_q, ~column_fold),
                *_set(last_k, ~column_fold & (now.group == 1)),
                *_set(last_term, ~column_fold & (now.group == 1)),
                last_engine.eq(config.engines == 1),
                *([last_slice.eq(0)] if slices > 1 else []),
            ]
            for position in (round_, tile, plane_tile, member):
                position.load()
            m.d.sync += [count.eq(now.filters) for count in (left, round_left)]
            m.d.sync += [flag.eq(now.filters == 0) for flag in (empty, round_empty)]
            m.d.sync += [flag.eq(now.filters == 1) for flag in (one, round_one)]
            m.d.sync += [address.eq(now.term_address) for address in (term_at, round_term, filter_term)]
            m.d.sync += [address.eq(now.filter_address) for address in (filter_at, round_filter)]
            m.d.sync += [address.eq(now.output_address) for address in (word, round_word)]
        with m.If(self.start):
            m.d.sync += bank.eq(0)
        self.probe = {
            **round_.registers,
            **tile.registers,
            **plane_tile.registers,
            **member.registers,
            "last_q": last_q,
            "last_k": last_k,
            "last_term": last_term,
            "last_slice": last_slice,
            "last_engine": last_engine,
            "engine": engine,
            "bank": bank,
            "slice": slice_,
            "k": k,
            "q": q,
            "group_slot": group_slot,
            "in_group": in_group,
            "pool_index": pool_index,
            "left": left,
            "empty": empty,
            "one": one,
            "round_left": round_left,
            "round_empty": round_empty,
            "round_one": round_one,
            "word": word,
            "round_word": round_word,
        }
        return m
