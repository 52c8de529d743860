"""The controller's operations on many elements: which element is where."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.enum import Enum
from amaranth.lib.wiring import In, Out

from golden.spec import latency
from golden.spec.config import Config
from golden.spec.controller import (
    DOT_BITS,
    WALK_FIELD_BITS,
    WALK_LANE_BITS,
    WALK_SHIFT_BITS,
    WORD_BITS,
    data_bits,
)
from golden.spec.memories import log2
from hw.interfaces import access_signature

STEP_BITS = 3


class _State(Enum):
    """Of the buffer."""

    IDLE = 0
    FETCH = 1
    SLICES = 2
    WRITE = 3


class ElementWalk(wiring.Component):
    """The walks: three elements are under way. One is begun, a sum made by the buffer (POOL) or of products,
    or what `SoftmaxUnit` makes of a data word; the one before it is rounded; what was rounded before that is
    stored, or spread by the buffer (ERRORS). All three go on, in the cycle of `turns`, when the last of them
    is done.

    Golden: `golden.machine.controller_walk`.  Latency: `latency.walk`.

    Members
    -------
    clear: In, a run begins.  set: In, operands are those of WALK.  begin: In, of a walk; which one it is,
        `pools`, `logits`, `numbers` (EXPONENTIALS, SHARES, TERMS), `shares`, `terms`, `errors`, stands still.
    third, a, b: In, operands, in the cycle of `set` or `begin`.  walks: Out, from the next one to `done`.
    done: Out.  turns: Out.
    starts: Out, with `turns`: an element begins; of products at `factors` where it is `leading`, else where
        the last one ended; the other side at `source`.  summed: In, it is there, but of POOL.
    step: Out, cycles since the one behind `turns`, 7 at most.  rounded: Out, with `turns`: a result counts.
    drawn: Out, a random number is used up.  shift: Out.  result: In.
    address: Out, of a feature word; of LOGITS' next bias, with `turns`, of EXPONENTIALS' table, of SHARES'
        label.
    source: Out, of a number, with `turns`: it is the next element's.
    place: Out, address of a data word.  put: Out, it becomes `word`.  granted: In, in this cycle.
    asks: In, the products use the memory in its place.
    fetch, write: Out, of the feature word at `address`, until `moved`.  slices: Out, the slice `part` is
        summed, and added in the next cycle, or spread; of it the lanes from `first` to before `end`.
    coming: Out, the slice of the next cycle.
    word: Out, what is stored, or, lowest byte, spread.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        word, data = In(signed(WORD_BITS)), Out(data_bits(config))
        kinds = ("pools", "logits", "numbers", "shares", "terms", "errors")
        flags_in = ("clear", "set", "begin", *kinds, "summed", "granted", "asks", "moved")
        flags_out = (
            "walks",
            "done",
            "turns",
            "starts",
            "leading",
            "rounded",
            "drawn",
            "put",
            "fetch",
            "write",
            "slices",
        )
        super().__init__(
            {
                **dict.fromkeys(flags_in, In(1)),
                **dict.fromkeys(flags_out, Out(1)),
                **dict.fromkeys(("third", "a", "b", "result"), word),
                **dict.fromkeys(("factors", "source", "place"), data),
                "step": Out(STEP_BITS),
                "shift": Out(signed(WALK_SHIFT_BITS)),
                "word": Out(WORD_BITS),
                "address": Out(max(access_signature(config).members["address"].shape, data_bits(config))),
                "part": Out(range(config.lanes // config.basis)),
                "coming": Out(range(config.lanes // config.basis)),
                "first": Out(range(config.lanes)),
                "end": Out(range(config.lanes + 1)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        lane_bits, low = log2(config.lanes), log2(config.basis)
        elements = Signal(WALK_FIELD_BITS)
        first, last = Signal(lane_bits), Signal(WALK_LANE_BITS)
        address = Signal.like(self.address)
        away, far = Signal.like(address), Signal.like(address)
        upper = slice(WALK_FIELD_BITS, None)
        with m.If(self.set):
            m.d.sync += [
                elements.eq(self.third[:WALK_FIELD_BITS]),
                self.factors.eq(self.third[upper]),
                first.eq(self.a),
                last.eq(self.a[upper]),
                far.eq(self.b),
                away.eq(self.b[upper]),
            ]

        # Elements whose sum is still to begin; whether there is one of each kind under way.
        left = Signal.like(elements)
        sums, rounds, writes = (Signal(name=name) for name in ("sums", "rounds", "writes"))
        buffers, stores = self.pools & sums | self.errors & writes, ~self.errors & writes
        ended, stored, used = (Signal(name=name) for name in ("ended", "stored", "used"))
        to_int8, shifted, termed = latency.WALK_INT8 - 1, latency.WALK_SHIFT - 1, latency.TERM_ROUND
        last_step = Mux(self.logits | self.numbers, Mux(self.terms, termed, shifted), to_int8)
        last_step = Mux(self.shares, to_int8, last_step)
        m.d.comb += [
            self.starts.eq(left.any()),
            self.put.eq(self.walks & stores & ~stored & ~self.asks),
            self.turns.eq(
                self.walks
                & (self.pools | ~sums | self.summed)
                & (~rounds | (self.step >= last_step))
                & (~stores | stored)
                & (~buffers | used | ended)
            ),
            self.rounded.eq(rounds),
            # A term has its random bits at the begin, others where they end.
            self.drawn.eq(self.walks & rounds & Mux(self.terms, self.step == 0, self.turns)),
            self.done.eq(self.turns & ~left.any() & ~sums & ~rounds),
        ]
        m.d.sync += [
            self.step.eq(Mux(self.turns, 0, Mux(self.step.all(), self.step, self.step + 1))),
            stored.eq(~self.turns & (stored | (self.put & self.granted))),
            used.eq(~self.turns & (used | ended)),
        ]
        with m.If(self.turns):
            m.d.sync += [
                left.eq(left - left.any()),
                sums.eq(left.any()),
                rounds.eq(sums),
                writes.eq(rounds),
                self.leading.eq(0),
            ]
            # Where an error is blocked is seen with its sum.
            with m.If(Mux(self.errors, sums, writes)):
                m.d.sync += self.place.eq(self.place + 1)
            with m.If(self.numbers & left.any()):
                m.d.sync += self.source.eq(self.source + 1)
            with m.If(rounds):
                above = Mux(
                    self.pools | self.terms, self.word[: WORD_BITS - DOT_BITS], self.result[DOT_BITS:]
                )
                m.d.sync += [self.word[:DOT_BITS].eq(self.result), self.word[DOT_BITS:].eq(above)]
        with m.If(self.begin):
            m.d.sync += [
                self.walks.eq(1),
                self.leading.eq(1),
                left.eq(elements),
                self.source.eq(self.a[:WALK_FIELD_BITS]),
                address.eq(self.a[upper]),
                self.place.eq(self.b),
                self.shift.eq(self.third),
                self.word.eq(0),
            ]
        with m.If(self.done | self.clear):
            m.d.sync += [self.walks.eq(0), writes.eq(0)]

        # Words of an element: a lane of each slice, counted over all of them.
        at = Signal(WALK_LANE_BITS - low)
        names = ("opens", "closes", "ends_word", "was_last", "closed", "goes_on")
        opens, closes, ends_word, was_last, closed, goes_on = (Signal(name=name) for name in names)
        state = Signal(_State)
        slices = lane_bits - low
        inner = at[:slices].all() if slices else 1
        # The count is one further when a word is written.
        with m.If(self.slices):
            m.d.sync += was_last.eq(closes)
        m.d.comb += [
            closes.eq(at == last[low:]),
            closed.eq(Mux(self.write, was_last, closes)),
            ends_word.eq(inner | closes),
            self.part.eq(at[:slices] if slices else 0),
            self.coming.eq(self.part + self.slices),
            self.first.eq(Mux(opens, first, 0)),
            self.end.eq(Mux(at[slices:] == last[lane_bits:], last[:lane_bits] + 1, config.lanes)),
            self.address.eq(address + Mux(self.write | (self.errors & opens & first.any()), away, 0)),
        ]

        with m.Switch(state):
            with m.Case(_State.FETCH):
                m.d.comb += self.fetch.eq(1)
                with m.If(self.moved):
                    m.d.sync += state.eq(_State.SLICES)
            with m.Case(_State.SLICES):
                m.d.comb += self.slices.eq(1)
                m.d.sync += at.eq(at + 1)
                with m.If(ends_word):
                    m.d.comb += goes_on.eq(~self.errors)
                    m.d.sync += state.eq(_State.WRITE)
            with m.Case(_State.WRITE):
                m.d.comb += self.write.eq(1)
                m.d.comb += goes_on.eq(self.moved)
        # The last slice of a sum is added behind it.
        added = Signal()
        m.d.sync += added.eq(goes_on & closed & self.pools)
        m.d.comb += ended.eq(Mux(self.pools, added, goes_on & closed))
        biased = self.turns & self.logits & sums
        with m.If(goes_on | biased):
            m.d.sync += address.eq(address + Mux(goes_on & closed, far, 1))
        with m.If(goes_on):
            m.d.sync += [opens.eq(0), state.eq(_State.FETCH)]
            with m.If(closed):
                m.d.sync += state.eq(_State.IDLE)
        with m.If(self.turns & Mux(self.pools, left.any(), self.errors & rounds)):
            m.d.sync += [state.eq(_State.FETCH), opens.eq(1), at.eq(first[low:])]
        with m.If(self.done | self.clear):
            m.d.sync += state.eq(_State.IDLE)
        return m
