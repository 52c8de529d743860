"""The pass STAT: exact sums and extremes of every channel."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Mux, Signal, Value, ValueLike, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.block import BlockFormat
from hw.lightnorm.chunk_counter import CHUNK_BITS, ChunkCounter, place_layout
from hw.lightnorm.layouts import beat, groups, lane_group


def statistics(fmt: BlockFormat, index_bits: int) -> data.StructLayout:
    """Σx, Σ over the chunks of maximum − minimum, and maximum − minimum of all; in units of 2**fmt.grid."""
    return data.StructLayout(
        {
            "total": signed(fmt.span + 1 + index_bits),
            "ranges": unsigned(fmt.span + 1 + CHUNK_BITS),
            "width": unsigned(fmt.span + 1),
        }
    )


def extremes(index_bits: int) -> data.StructLayout:
    """Stream positions of the first maximum and the first minimum of a chunk."""
    return data.StructLayout({"highest": index_bits, "lowest": index_bits})


@dataclass(frozen=True)
class Best:
    """A candidate for an extreme: its value, its place among the lanes, and whether there is one."""

    value: Value
    place: ValueLike
    valid: Value


def best(candidates: list[Best], sign: int) -> Best:
    """The first of the largest (sign 1) or smallest (sign −1) candidates, as a tree."""
    while len(candidates) > 1:
        joined = []
        for i in range(0, len(candidates) - 1, 2):
            a, b = candidates[i : i + 2]
            better = b.value > a.value if sign > 0 else b.value < a.value
            take = b.valid & (~a.valid | better)
            joined.append(Best(Mux(take, b.value, a.value), Mux(take, b.place, a.place), a.valid | b.valid))
        candidates = joined + candidates[2 * len(joined) :]
    return candidates[0]


class Stat(wiring.Component):
    """Σx, chunk ranges and places, exact.

    Golden: what `golden.lightnorm.unit.stat` hands to `channel.statistics`.  Throughput: one beat per
    cycle, channels without a pause.  Latency: 6 cycles from the last beat of a channel to `o`, 5 from
    that of a chunk to `places`.

    Parameters
    ----------
    fmt: of x.  lanes: values of a beat, a power of two.  index_bits: a channel has at most
        2**index_bits values.

    Members
    -------
    i: stream of `beat`.  o: stream of `statistics`, one a channel.  places: stream of `extremes`, one
        a chunk, in order.
    chunk_beats, chunks: In, `Chunks.length` / lanes and `Chunks.count`; stand still during a tensor.
    """

    i: stream.Interface
    o: stream.Interface
    places: stream.Interface

    def __init__(self, fmt: BlockFormat, lanes: int, index_bits: int = 20) -> None:
        self._fmt, self._lanes, self._index_bits = fmt, lanes, index_bits
        super().__init__(
            {
                "i": In(stream.Signature(beat(fmt, lanes))),
                "o": Out(stream.Signature(statistics(fmt, index_bits))),
                "places": Out(stream.Signature(extremes(index_bits))),
                "chunk_beats": In(index_bits),
                "chunks": In(CHUNK_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        span = self._fmt.span
        advance = Signal()
        m.d.comb += [
            advance.eq(~(self.o.valid & ~self.o.ready) & ~(self.places.valid & ~self.places.ready)),
            self.i.ready.eq(advance),
        ]
        valid = Signal(5)
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(self.places.ready):
            m.d.sync += self.places.valid.eq(0)
        with m.If(advance):
            m.d.sync += valid[:4].eq(Cat(self.i.valid, valid[:3]))

        # Where a beat is, in step with it through four stages.
        m.submodules.counter = counter = ChunkCounter(self._index_bits)
        m.d.comb += [
            counter.step.eq(self.i.valid & self.i.ready),
            counter.last.eq(self.i.payload.last),
            counter.chunk_beats.eq(self.chunk_beats),
            counter.chunks.eq(self.chunks),
        ]
        stages = [Signal(place_layout(self._index_bits), name=f"place{i}") for i in range(4)]
        with m.If(advance):
            m.d.sync += [b.eq(a) for a, b in zip([counter.o, *stages[:3]], stages, strict=True)]

        total, high, low = self._beat(m, advance)
        here = stages[2]

        # Fourth stage: the running sum and the running extremes of the chunk.
        running = Signal(signed(span + 1 + self._index_bits))
        top, bottom = Signal(signed(span + 1)), Signal(signed(span + 1))
        found = Signal(extremes(self._index_bits))
        lane_bits = (self._lanes - 1).bit_length()
        with m.If(advance & valid[2]):
            m.d.sync += running.eq(Mux(here.first, 0, running) + total)
            with m.If(here.begins | (high.value > top)):
                m.d.sync += [top.eq(high.value), found.highest.eq((here.beat << lane_bits) + high.place)]
            with m.If(here.begins | (low.value < bottom)):
                m.d.sync += [bottom.eq(low.value), found.lowest.eq((here.beat << lane_bits) + low.place)]

        # Fifth: a chunk has ended; sixth: the channel has.
        done = stages[3]
        ranges = Signal(span + 1 + CHUNK_BITS)
        highest, lowest = Signal(signed(span + 1)), Signal(signed(span + 1))
        whole = Signal.like(running)
        with m.If(advance):
            m.d.sync += valid[4].eq(valid[3] & done.last)
            m.d.sync += self.places.valid.eq(valid[3] & done.ends)
            with m.If(valid[3] & done.ends):
                m.d.sync += [
                    self.places.payload.eq(found),
                    ranges.eq(Mux(done.initial, 0, ranges) + (top - bottom).as_unsigned()),
                    highest.eq(Mux(done.initial | (top > highest), top, highest)),
                    lowest.eq(Mux(done.initial | (bottom < lowest), bottom, lowest)),
                    whole.eq(running),
                ]
            m.d.sync += self.o.valid.eq(valid[4])
            with m.If(valid[4]):
                m.d.sync += [
                    self.o.payload.total.eq(whole),
                    self.o.payload.ranges.eq(ranges),
                    self.o.payload.width.eq(highest - lowest),
                ]
        return m

    def _beat(self, m: Module, advance: Signal) -> tuple[Signal, Best, Best]:
        """Three stages: groups on their own scale; groups on the grid; the beat."""
        fmt, lanes = self._fmt, self._lanes
        bits, size = fmt.magnitude_bits, lane_group(fmt, lanes)
        source = self.i.payload
        place_bits = max(1, (lanes - 1).bit_length())
        sums: list[Value] = []
        candidates: list[list[Best]] = [[], []]
        for group in range(groups(fmt, lanes)):
            members = []
            for lane in range(group * size, (group + 1) * size):
                value = Signal(signed(bits + 1), name=f"value{lane}")
                magnitude = source.codes[lane][:bits]
                m.d.comb += value.eq(Mux(source.codes[lane][bits], -magnitude, magnitude))
                members.append(Best(value, lane, source.mask[lane]))
            small = Signal(signed(bits + 1 + size.bit_length()), name=f"small{group}")
            exponent = Signal(fmt.exponent_bits, name=f"exponent{group}")
            moved = Signal(signed(fmt.span + 1 + size.bit_length()), name=f"moved{group}")
            with m.If(advance):
                m.d.sync += [
                    small.eq(sum(Mux(member.valid, member.value, 0) for member in members)),
                    exponent.eq(source.exponents[group]),
                    moved.eq(small << exponent),
                ]
            sums.append(moved)
            for sign, list_ in ((1, candidates[0]), (-1, candidates[1])):
                chosen = best(members, sign)
                name = f"{'high' if sign > 0 else 'low'}{group}"
                value = Signal(signed(bits + 1), name=f"{name}_value")
                wide = Signal(signed(fmt.span + 1), name=f"{name}_wide")
                rest = [Signal(place_bits + 1, name=f"{name}_rest{stage}") for stage in range(2)]
                with m.If(advance):
                    m.d.sync += [
                        value.eq(chosen.value),
                        wide.eq(value << exponent),
                        rest[0].eq(Cat(chosen.valid, Value.cast(chosen.place)[:place_bits])),
                        rest[1].eq(rest[0]),
                    ]
                list_.append(Best(wide, rest[1][1:], rest[1][0]))
        total = Signal(signed(fmt.span + 1 + (lanes - 1).bit_length()))
        with m.If(advance):
            m.d.sync += total.eq(sum(sums))
        results = []
        for sign, list_ in ((1, candidates[0]), (-1, candidates[1])):
            chosen = best(list_, sign)
            value = Signal(signed(fmt.span + 1), name=f"best_value{sign}")
            place = Signal(place_bits, name=f"best_place{sign}")
            with m.If(advance):
                m.d.sync += [value.eq(chosen.value), place.eq(chosen.place)]
            results.append(Best(value, place, chosen.valid))
        return total, results[0], results[1]
