"""The controller's operations on many elements: which element is where."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
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
    WORK = 2
    WRITE = 3


class ElementWalk(wiring.Component):
    """The walks: four elements are under way. One is begun, a sum made by the buffer (POOL) or of products,
    or what `SoftmaxUnit` makes of a data word; the one before it is shifted, the one before that rounded;
    what was rounded before that is stored, or spread by the buffer (ERRORS). All four go on, in the cycle
    of `turns`, when the last of them is done.

    Golden: `golden.machine.controller_walk`.  Latency: `latency.walk`.

    Members
    -------
    clear: In, a run begins.  set: In, operands are those of WALK.  begin: In, of a walk; which one it is,
        `pools`, `logits`, `numbers` (EXPONENTIALS, SHARES, TERMS), `terms`, `errors`, stands still.
    third, a, b: In, operands, in the cycle of `set` or `begin`.  walks: Out, from the next one to `done`.
    done: Out.  turns: Out.
    starts: Out, with `turns`: an element begins; of products at `factors` where it is `leading`, else where
        the last one ended; the other side at `source`.  ready: In, it is there, or all its products are on
        their way; but of POOL.  taken: Out, what was begun before is shifted from here on.
    step: Out, cycles since the one behind `turns`, 7 at most.  rounded: Out, with `turns`: a result counts.
    drawn: Out, a random number is used.  shift: Out.  result: In.
    address: Out, of a feature word; of LOGITS' next bias, with `turns`, of EXPONENTIALS' table, of SHARES'
        label.
    source: Out, of a number, with `turns`: it is the next element's.
    place: Out, address of a data word.  put: Out, it becomes `word`.  granted: In, in this cycle.
    asks: In, the products use the memory in its place.
    fetch, write: Out, of the feature word at `address`, until `moved`.  works: Out, it is summed, which is
        added in the next cycle, or spread; of it the lanes from `first` to before `end`, which stand since
        the cycle before.
    word: Out, what is stored, or, lowest byte, spread.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        word, data = In(signed(WORD_BITS)), Out(data_bits(config))
        kinds = ("pools", "logits", "numbers", "terms", "errors")
        flags_in = ("clear", "set", "begin", *kinds, "ready", "granted", "asks", "moved")
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
            "works",
            "taken",
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
                "first": Out(range(config.lanes)),
                "end": Out(range(config.lanes + 1)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        lane_bits = log2(config.lanes)
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

        # Elements that are still to begin; whether there is one of each kind under way.
        left = Signal.like(elements)
        sums, shifts, cuts, writes = (Signal(name=name) for name in ("sums", "shifts", "cuts", "writes"))
        buffers, stores = self.pools & sums | self.errors & writes, ~self.errors & writes
        ended, stored, used = (Signal(name=name) for name in ("ended", "stored", "used"))
        of_products = self.logits | self.errors
        # Cycles in which what is shifted or rounded is not done yet.
        waits = Signal(range(max(latency.WALK_SUM_SHIFT, latency.WALK_CUT)))
        shifted = Mux(of_products, latency.WALK_SUM_SHIFT, latency.WALK_SHIFT) - 1
        at_least = Mux(shifts, latency.WALK_CUT - 1, 0)
        with m.If(self.turns):
            m.d.sync += waits.eq(Mux(sums & (of_products | ~shifts), shifted, at_least))
        with m.Elif(waits != 0):
            m.d.sync += waits.eq(waits - 1)
        m.d.comb += [
            self.starts.eq(left.any()),
            self.put.eq(self.walks & stores & ~stored & ~self.asks & ~(self.logits & (self.step == 0))),
            self.turns.eq(
                self.walks
                & (self.pools | ~sums | self.ready)
                & (waits == 0)
                & (~stores | stored | (self.put & self.granted))
                & (~buffers | used | ended)
            ),
            # The last products are still on their way when the next ones begin.
            self.taken.eq(self.walks & Mux(of_products, self.step == 1, self.turns)),
            self.rounded.eq(cuts),
            self.drawn.eq(self.walks & cuts & (self.step == 0)),
            self.done.eq(self.turns & ~(left.any() | sums | shifts | cuts | writes)),
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
                shifts.eq(sums),
                cuts.eq(shifts),
                writes.eq(cuts),
                self.leading.eq(0),
            ]
            # Where an error is blocked is seen with its sum.
            with m.If(Mux(self.errors, sums, writes)):
                m.d.sync += self.place.eq(self.place + 1)
            with m.If(self.numbers & left.any()):
                m.d.sync += self.source.eq(self.source + 1)
            with m.If(cuts):
                packs = self.pools | self.terms
                above = Mux(packs, self.word[: WORD_BITS - DOT_BITS], self.result[DOT_BITS:])
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
            m.d.sync += self.walks.eq(0)
        with m.If(self.clear):
            m.d.sync += Cat(sums, shifts, cuts, writes, waits).eq(0)

        # Words of an element.
        at = Signal(WALK_LANE_BITS - lane_bits)
        names = ("opens", "closes", "goes_on", "added")
        opens, closes, goes_on, added = (Signal(name=name) for name in names)
        state = Signal(_State)
        m.d.comb += [
            closes.eq(at == last[lane_bits:]),
            self.first.eq(Mux(opens, first, 0)),
            self.end.eq(Mux(closes, last[:lane_bits] + 1, config.lanes)),
            self.address.eq(address + Mux(self.write | (self.errors & opens & first.any()), away, 0)),
        ]
        with m.Switch(state):
            with m.Case(_State.FETCH):
                m.d.comb += self.fetch.eq(1)
                with m.If(self.moved):
                    m.d.sync += state.eq(_State.WORK)
            with m.Case(_State.WORK):
                m.d.comb += [self.works.eq(1), goes_on.eq(self.pools)]
                m.d.sync += state.eq(_State.WRITE)
            with m.Case(_State.WRITE):
                m.d.comb += [self.write.eq(1), goes_on.eq(self.moved)]
        # The last word of a sum is added behind it.
        m.d.sync += added.eq(goes_on & closes)
        m.d.comb += ended.eq(Mux(self.pools, added, goes_on & closes))
        biased = self.turns & self.logits & shifts
        with m.If(goes_on | biased):
            m.d.sync += address.eq(address + Mux(goes_on & closes, far, 1))
        with m.If(goes_on):
            m.d.sync += [opens.eq(0), at.eq(at + 1), state.eq(Mux(closes, _State.IDLE, _State.FETCH))]
        with m.If(self.turns & Mux(self.pools, left.any(), self.errors & cuts)):
            m.d.sync += [state.eq(_State.FETCH), opens.eq(1), at.eq(0)]
        with m.If(self.done | self.clear):
            m.d.sync += state.eq(_State.IDLE)
        return m
