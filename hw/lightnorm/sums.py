"""The passes STAT and REDUCE: exact sums and extremes of every channel, by one datapath."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.block import NormFormat
from hw.lightnorm.chunk_counter import place_layout
from hw.lightnorm.extremes import Best, best, extremes, ordered, rank, rank_bits, unranked
from hw.lightnorm.layouts import Op, lane_group, unit_size
from hw.lightnorm.sums_layouts import (
    chunk_layout,
    moments,
    partial_layout,
    statistics,
    sums,
    sums_input,
)
from hw.parts.delay import delayed

_Term = tuple[Signal, Signal]
"""A signed number and the places that it is to be shifted to the left."""


class Sums(wiring.Component):
    """STAT: Σx, chunk ranges.  REDUCE: Σdy, Σdy·x and the size of the largest dy.  All exact. One of them
    finds the places of extremes as well.

    Golden: the sums of `golden.lightnorm.unit.stat` and `reduce`.  Throughput: one beat per cycle,
    channels without a pause.  Latency: 3 cycles from the last beat of a channel to `o`, 2 from that of
    a chunk to `places`.

    Products are of magnitudes; values with the same exponents are summed before they are shifted.
    Extremes are compared as ranks (`extremes.py`).  A chunk's range goes the way of REDUCE's products.

    Channels of STAT may come in pieces, one of each in turn, whose sums somebody keeps meanwhile: a beat that
    resumes goes on from what is given, others from the beat before.

    Parameters
    ----------
    fmt: number formats.  lanes: values of a beat, a power of two.  index_bits: a channel has at most
        2**index_bits values.  placing: STAT or REDUCE, the pass that finds places.

    Members
    -------
    i: stream of `sums_input`; a channel's beats of one pass follow each other, or those of a piece.
    o: stream of `sums`, one a channel.  places: stream of `extremes`, one a chunk of the pass `placing`, in
        order.
    zero: In, STAT's width counts zero among the values; stands still; 0 where left open.
    resumes: In, with a beat of STAT, in a cycle from which on nobody lets `o` or `places` wait; 0 where left
        open.  chunk_before, sums_before: In, what it goes on from, one and two cycles later.
    chunk, partial: Out, what there is two and three cycles after a beat of STAT.
    stat, reduce: Out, with `o`: what it has of a pass of that kind.
    """

    i: stream.Interface
    o: stream.Interface
    places: stream.Interface

    def __init__(self, fmt: NormFormat, lanes: int, index_bits: int = 20, placing: Op = Op.STAT) -> None:
        self._fmt, self._lanes, self._index_bits, self._placing = fmt, lanes, index_bits, placing
        super().__init__(
            {
                "i": In(stream.Signature(sums_input(fmt, lanes, index_bits))),
                "o": Out(stream.Signature(sums(fmt, index_bits))),
                "places": Out(stream.Signature(extremes(index_bits))),
                "zero": In(1),
                "resumes": In(1),
                "chunk_before": In(chunk_layout(fmt.forward)),
                "sums_before": In(partial_layout(fmt.forward, index_bits)),
                "chunk": Out(chunk_layout(fmt.forward)),
                "partial": Out(partial_layout(fmt.forward, index_bits)),
                "stat": Out(statistics(fmt.forward, index_bits)),
                "reduce": Out(moments(fmt, index_bits)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fmt, index_bits = self._fmt, self._index_bits
        advance, free = Signal(), Signal()
        valid = Signal(2)
        stages = [Signal(place_layout(index_bits), reset_less=True, name=f"place{i}") for i in range(2)]
        back = Signal(2, reset_less=True)
        resumed = Signal(2)
        source = self.i.payload.beat
        m.d.comb += [
            free.eq(~self.o.valid | self.o.ready),
            self.places.valid.eq(
                free & valid[1] & stages[1].ends & (back[1] == (self._placing == Op.REDUCE))
            ),
            advance.eq(free & (self.places.ready | ~self.places.valid)),
            self.i.ready.eq(advance),
        ]
        with m.If(advance):
            m.d.sync += [
                valid.eq(Cat(self.i.valid, valid[0])),
                resumed.eq(Cat(self.i.valid & self.resumes, resumed[0])),
                back.eq(Cat(source.op[1], back[0])),
                stages[0].eq(self.i.payload.place),
                stages[1].eq(stages[0]),
            ]

        # First and second stage: what shares an exponent; extremes of the chunk.
        small, products, tops = self._units(m, advance)
        high, low = self._extremes(m, advance, valid[0], resumed[0], stages[0])

        # Third: the channel.
        here, backward = stages[1], back[1]
        go = Signal()
        m.d.comb += go.eq(advance & valid[1])
        stat, moment = statistics(fmt.forward, index_bits), moments(fmt, index_bits)
        spare = fmt.forward.magnitude_bits
        total = Signal(signed(max(stat["total"].width, moment["total"].width)), reset_less=True)
        wide = max(stat["ranges"].width + spare + 1, moment["product"].width)
        product = Signal(signed(wide), reset_less=True)
        ends = [unranked(m, fmt.forward, code, bool(i), f"end{i}") for i, code in enumerate((high, low))]
        moved: list[Value] = []
        alone: Value = Const(0)
        for i in range(max(2, len(products))):
            ranges = Mux(here.ends, ends[i][0], 0) if i < 2 else 0
            if i >= len(products):
                alone = Mux(backward, 0, ranges) << ends[i][1]
                continue
            value, shift = products[i]
            used = Mux(backward, value, ranges)
            if i < 2:
                shift = Mux(backward, shift, ends[i][1])
            moved.append(used << shift)
        again, kept = resumed[1], self.sums_before
        totals, so_far = Mux(again, kept.total, total), Mux(again, kept.ranges << spare, product)
        # The end of a range that goes no product's way is nothing backward, and forward the bits above all
        # ranges do not count.
        few, without = stat["ranges"].width + spare, Signal(len(product))
        m.d.comb += without.eq(Mux(here.first, 0, so_far) + sum(moved))
        with m.If(go):
            m.d.sync += [
                total.eq(Mux(here.first, 0, totals) + sum(value << shift for value, shift in small)),
                product.eq(Cat((without[:few] + alone)[:few], without[few:])),
            ]
        top = Signal(moment["top"].shape, reset_less=True)
        highest, lowest = Signal.like(high, reset_less=True), Signal.like(low, reset_less=True)
        most, least = Mux(again, kept.highest, highest), Mux(again, kept.lowest, lowest)
        out = self.o.payload
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(go):
            m.d.sync += [self.o.valid.eq(here.last), out.backward.eq(backward)]
            with m.If(here.first | (tops > top)):
                m.d.sync += top.eq(tops)
            m.d.sync += [
                highest.eq(Mux(here.ends & (here.initial | (high > most)), high, most)),
                lowest.eq(Mux(here.ends & (here.initial | (low < least)), low, least)),
            ]
        m.d.comb += [
            self.chunk.high.eq(high),
            self.chunk.low.eq(low),
            self.partial.total.eq(total),
            self.partial.ranges.eq(product >> spare),
            self.partial.highest.eq(highest),
            self.partial.lowest.eq(lowest),
        ]
        whole = [
            unranked(m, fmt.forward, code, bool(i), f"all{i}") for i, code in enumerate((highest, lowest))
        ]
        width = Signal(signed(fmt.forward.span + 2 + spare))
        # Both are at least 0 where zero is one of the values.
        m.d.comb += width.eq(sum(Mux(self.zero & value[-1], 0, value) << shift for value, shift in whole))
        m.d.comb += [
            self.reduce.total.eq(total),
            self.reduce.product.eq(product),
            self.reduce.top.eq(top),
            self.stat.total.eq(total),
            self.stat.ranges.eq(product >> spare),
            self.stat.width.eq(width >> spare),
        ]
        with m.If(out.backward):
            m.d.comb += out.sums.reduce.eq(self.reduce)
        with m.Else():
            m.d.comb += out.sums.stat.eq(self.stat)
        return m

    def _units(self, m: Module, advance: Signal) -> tuple[list[_Term], list[_Term], Signal]:
        """Two stages: (x or dy) and products summed over lanes with the same exponents; the top of dy."""
        fmt, lanes = self._fmt, self._lanes
        size = unit_size(fmt, lanes)
        source = self.i.payload.beat
        backward = source.op[1]
        small: list[_Term] = []
        products: list[_Term] = []
        top = Signal(fmt.gradient.span.bit_length())
        for start in range(0, lanes, size):
            x_exponent = source.x.exponents[start // lane_group(fmt.forward, lanes)]
            dy_exponent = source.dy.exponents[start // lane_group(fmt.gradient, lanes)]
            single: list[Value] = []
            double: list[Value] = []
            ones: Value = Cat()
            for lane in range(start, start + size):
                x, dy = source.x.codes[lane], source.dy.codes[lane]
                inside = source.mask[lane]
                x_size, dy_size = x[: fmt.forward.magnitude_bits], dy[: fmt.gradient.magnitude_bits]
                ones = ones | Mux(inside, dy_size, 0)
                one = Mux(inside, Mux(backward, dy_size, x_size), 0)
                both = Mux(inside, dy_size, 0) * x_size
                single += _signed(one, Mux(backward, dy[-1], x[-1]))
                double += _signed(both, x[-1] ^ dy[-1])
            small.append(
                self._held(m, advance, single, Mux(backward, dy_exponent, x_exponent), f"sum{start}")
            )
            products.append(self._held(m, advance, double, x_exponent + dy_exponent, f"product{start}"))
            top = self._top(m, advance, ones, dy_exponent, top, start)
        held = Signal.like(top, reset_less=True, name="top_held")
        with m.If(advance):
            m.d.sync += held.eq(top)
        return small, products, held

    def _held(self, m: Module, advance: Signal, terms: list[Value], exponent: Value, name: str) -> _Term:
        terms = [held for term in terms for held in delayed(m, term, 1, f"{name}_term", advance)[1:]]
        total = sum(terms)
        value = Signal(total.shape(), reset_less=True, name=name)
        shifts = delayed(m, exponent, 2, f"{name}_shift", advance)
        with m.If(advance):
            m.d.sync += value.eq(total)
        return value, shifts[-1]

    def _top(
        self, m: Module, advance: Signal, ones: Value, exponent: Value, others: Signal, start: int
    ) -> Signal:
        """The larger of `others` and a unit's top, the length of its largest dy; after the first stage."""
        union = Signal(ones.shape(), reset_less=True, name=f"ones{start}")
        held = Signal(exponent.shape(), reset_less=True, name=f"exponent{start}")
        top, result = Signal.like(others, name=f"top{start}"), Signal.like(others, name=f"most{start}")
        with m.If(advance):
            m.d.sync += [union.eq(ones), held.eq(exponent)]
        for bit in range(len(union)):
            with m.If(union[bit]):
                m.d.comb += top.eq(held + (bit + 1))
        m.d.comb += result.eq(Mux(top > others, top, others))
        return result

    def _extremes(
        self, m: Module, advance: Signal, valid: Value, resumed: Value, here: data.View
    ) -> tuple[Signal, Signal]:
        """Ranks of the chunk's extremes, two stages behind the input; their places beside them."""
        fmt, lanes, size = self._fmt.forward, self._lanes, lane_group(self._fmt.forward, self._lanes)
        source = self.i.payload.beat
        lane_bits = (lanes - 1).bit_length()
        found = []
        for sign, place in ((1, self.places.payload.highest), (-1, self.places.payload.lowest)):
            name = "high" if sign > 0 else "low"
            candidates = []
            for start in range(0, lanes, size):
                members = []
                for lane in range(start, start + size):
                    value = Signal(fmt.magnitude_bits + 1, name=f"{name}{lane}")
                    m.d.comb += value.eq(ordered(source.x.codes[lane]))
                    members.append(Best(value, lane, source.mask[lane]))
                chosen = best(members, sign)
                value = Signal(fmt.magnitude_bits + 1, reset_less=True, name=f"{name}_value{start}")
                exponent = Signal(fmt.exponent_bits, reset_less=True, name=f"{name}_exponent{start}")
                lane_ = Signal(lane_bits, reset_less=True, name=f"{name}_lane{start}")
                some = Signal(reset_less=True, name=f"{name}_some{start}")
                with m.If(advance):
                    m.d.sync += [
                        value.eq(chosen.value),
                        exponent.eq(source.x.exponents[start // size]),
                        lane_.eq(chosen.place),
                        some.eq(chosen.valid),
                    ]
                candidates.append(Best(rank(m, fmt, value, exponent, f"{name}{start}"), lane_, some))
            chosen = best(candidates, sign)
            running = Signal(rank_bits(fmt), reset_less=True, name=f"{name}_rank")
            position = Signal(self._index_bits, reset_less=True, name=f"{name}_position")
            before = Mux(resumed, self.chunk_before[name], running)
            better = chosen.value > before if sign > 0 else chosen.value < before
            takes = here.begins | better
            with m.If(advance & valid):
                m.d.sync += running.eq(Mux(takes, chosen.value, before))
                with m.If(takes):
                    m.d.sync += position.eq(Cat(chosen.place, here.beat))
            m.d.comb += place.eq(position)
            found.append(running)
        return found[0], found[1]


def _signed(magnitude: Value, sign: Value) -> list[Value]:
    """Terms whose sum is ±magnitude."""
    return [Cat(magnitude ^ sign.replicate(len(magnitude)), sign).as_signed(), sign]
