"""The walk of the drain through a layer: what comes next, one step ahead."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.spec import formats, memories
from golden.spec.config import Config
from golden.spec.memories import Fold, back_record, log2
from hw.basis import slice_bits
from hw.layouts import layout


def pool_index_bits(config: Config) -> int:
    """Width of the number of a channel in its round."""
    return log2(1 << (config.engines * config.accumulators - 1).bit_length())


def walk_layout(config: Config) -> data.StructLayout:
    """One term, or an engine without filters.

    empty: the engine has no filters; then only engine, bank, turn_end and layer_end count.
    engine, bank, slot: the partial sum.  part: its number in its group.  read: it has not been read since
    the group began.  term, filter: addresses.  turn_end, layer_end: the last of its turn, of the layer.
    The others: see `hw.drain.token_layout`.
    """
    return data.StructLayout(
        {
            "empty": 1,
            "engine": range(max(config.engines, 2)),
            "bank": 1,
            "slot": log2(config.accumulators),
            "part": 2,
            "read": 1,
            "term": log2(config.term_words),
            "filter": log2(config.filter_words),
            "turn_end": 1,
            "layer_end": 1,
            "first": 1,
            "last": 1,
            "column": 2,
            "slice": slice_bits(config),
            "address": memories.feature_bits(config),
            "tail": 1,
            "pool_index": pool_index_bits(config),
            "pool_first": 1,
            "pool_last": 1,
        }
    )


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
    """

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
        round_ = Signal.like(now.rounds, name="round")
        tile = Signal.like(now.tiles, name="tile")
        plane_tile = Signal.like(now.plane_tiles, name="plane_tile")
        engine, bank = self.next_engine, self.next_bank
        member = Signal.like(now.engine_filters, name="member")
        slice_ = Signal(slice_bits(config))
        k = Signal(2)
        q = Signal(2)
        group_slot = Signal(log2(config.accumulators) + 1)
        in_group = Signal(2)
        pool_index = Signal(pool_index_bits(config))
        # Running positions, and where this round began, to return to for its next tile.
        left, round_left = (Signal.like(now.filters, name=name) for name in ("left", "round_left"))
        term_at, round_term, filter_term = (
            Signal.like(now.term_address, name=name) for name in ("term_at", "round_term", "filter_term")
        )
        filter_at, round_filter = (
            Signal.like(now.filter_address, name=name) for name in ("filter_at", "round_filter")
        )
        word, round_word = (Signal.like(now.output_address, name=name) for name in ("word", "round_word"))

        # Of the layer alone, hence in registers.
        column_fold = now.fold == Fold.COLUMN
        k_end, group_end = Signal(2), Signal(2)
        member_end = Signal.like(now.engine_filters, name="member_end")
        tile_end = Signal.like(now.tiles, name="tile_end")
        round_end = Signal.like(now.rounds, name="round_end")
        plane_end = Signal.like(now.plane_tiles, name="plane_end")
        m.d.sync += [
            k_end.eq(Mux(column_fold, formats.BASIS - 1, now.group - 1)),
            group_end.eq(Mux(column_fold, 0, now.group - 1)),
            member_end.eq(now.engine_filters - 1),
            tile_end.eq(now.tiles - 1),
            round_end.eq(now.rounds - 1),
            plane_end.eq(now.plane_tiles - 1),
        ]

        last_q, last_term, last_slice, last_filter = Signal(), Signal(), Signal(), Signal()
        last_tile, tail, empty = Signal(), Signal(), Signal()
        engine_done, job_done = Signal(), Signal()
        m.d.comb += [
            last_q.eq(~column_fold | (q == formats.BASIS - 1)),
            last_term.eq((k == k_end) & last_q),
            last_slice.eq(slice_ == config.lanes // config.basis - 1),
            last_filter.eq((member == member_end) | (left == 1)),
            last_tile.eq(tile == tile_end),
            tail.eq(plane_tile == plane_end),
            empty.eq(left == 0),
            engine_done.eq(empty | (last_term & last_slice & last_filter)),
            job_done.eq(engine_done & (engine == config.engines - 1)),
        ]
        shown = {
            "empty": empty,
            "engine": engine,
            "bank": bank,
            "slot": group_slot + k,
            "part": k,
            "read": (slice_ == 0) & Mux(column_fold, q == 0, in_group == 0),
            "term": term_at,
            "filter": filter_at,
            "turn_end": engine_done,
            "layer_end": job_done & last_tile & (round_ == round_end),
            "first": (k == 0) & (q == 0),
            "last": last_term,
            "column": Mux(column_fold, q, 1),
            "slice": slice_,
            "address": word + tile,
            "tail": tail,
            "pool_index": pool_index,
            "pool_first": (tile == 0) & (slice_ == 0),
            "pool_last": last_tile & last_slice,
        }
        with m.If(self.advance):
            m.d.sync += [self.step[name].eq(value) for name, value in shown.items()]
            with m.If(~empty):
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
                        with m.If(in_group == group_end):
                            # k is the last one of the group.
                            m.d.sync += [in_group.eq(0), group_slot.eq(group_slot + k + 1)]
            with m.If(engine_done):
                m.d.sync += [engine.eq(engine + 1), member.eq(0), group_slot.eq(0), in_group.eq(0)]
            with m.If(job_done):
                m.d.sync += [engine.eq(0), bank.eq(~bank), pool_index.eq(0), plane_tile.eq(plane_tile + 1)]
                with m.If(tail | last_tile):
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
                    m.d.sync += [
                        tile.eq(0),
                        round_.eq(round_ + 1),
                        round_left.eq(left - ~empty),
                        round_term.eq(term_at + ~empty),
                        round_filter.eq(filter_at + ~empty),
                        round_word.eq(word + Mux(empty, 0, now.output_stride)),
                    ]
        with m.If(self.begin):
            zero = (round_, tile, plane_tile, engine, member, slice_, k, q, group_slot, in_group, pool_index)
            m.d.sync += [position.eq(0) for position in zero]
            m.d.sync += [position.eq(now.filters) for position in (left, round_left)]
            m.d.sync += [position.eq(now.term_address) for position in (term_at, round_term, filter_term)]
            m.d.sync += [position.eq(now.filter_address) for position in (filter_at, round_filter)]
            m.d.sync += [position.eq(now.output_address) for position in (word, round_word)]
        with m.If(self.start):
            m.d.sync += bank.eq(0)
        return m
