"""Where the numbers of every group have ones, beside the group's numbers."""

from collections.abc import Callable

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from golden.spec.block import BlockFormat, NormFormat, Spikes
from hw.lightnorm.layouts import lane_group, result_bits, results, unit_size

_SLACK = 4
"""Beats beyond a group that wait while a queue passes the first one on; short groups may be a beat."""


def longest(fmt: NormFormat, lanes: int) -> int:
    """Beats of the longest group of either format."""
    return max(b.group // lane_group(b, lanes) for b in (fmt.forward, fmt.gradient))


def union(fmt: NormFormat, lanes: int) -> data.StructLayout:
    """What a group has in all: ones of its `sizes`, of values that count and (`all_`) of every value;
    whether any counts.

    Where a group is longer than a beat, also the starts of runs of ones that round up to the next power of
    two, for its exponent must be known before it has gone by.
    """
    bits = result_bits(fmt)
    names = {"ones": bits, "all_ones": bits}
    if longest(fmt, lanes) > 1:
        names |= {"runs": bits - 1, "all_runs": bits - 1}
    return data.StructLayout(
        {**{name: unsigned(size) for name, size in names.items()}, "counted": unsigned(1)}
    )


def complemented(word: Value) -> Value:
    """A negative number's bits inverted: its magnitude − 1."""
    return word[:-1] ^ word[-1].replicate(len(word) - 1)


def peaked(fmt: NormFormat, lanes: int) -> data.StructLayout:
    """`results` with the union of the group of every `unit_size` lanes; `ends`: last beat of its group."""
    units = lanes // unit_size(fmt, lanes)
    return data.StructLayout(
        {
            "results": results(fmt, lanes),
            "unions": data.ArrayLayout(union(fmt, lanes), units),
            "ends": unsigned(1),
        }
    )


def joined(values: list[Value]) -> Value:
    """OR of values, as a tree."""
    while len(values) > 1:
        pairs = [values[i : i + 2] for i in range(0, len(values), 2)]
        values = [pair[0] if len(pair) == 1 else pair[0] | pair[1] for pair in pairs]
    return values[0]


def runs(value: Value, length: int) -> Value:
    """Bits of `value` that begin `length` ones, from there downwards."""
    done, result = 1, value
    while done < length:
        step = min(done, length - done)
        result = result & (result << step)
        done += step
    return result[: len(value)]


def by_group(
    fmt: NormFormat, lanes: int, values: list[Value], backward: Value, join: Callable[[list[Value]], Value]
) -> list[Value]:
    """Values of units of `unit_size` lanes, joined over the groups of a beat's own format."""
    size = unit_size(fmt, lanes)

    def whole(block: BlockFormat) -> list[Value]:
        many = min(block.group, lanes) // size
        groups = [join(values[i : i + many]) for i in range(0, len(values), many)]
        return [groups[unit // many] for unit in range(len(values))]

    forward, gradient = whole(fmt.forward), whole(fmt.gradient)
    if min(fmt.forward.group, lanes) == min(fmt.gradient.group, lanes):
        return forward
    return [Mux(backward, g, f) for f, g in zip(forward, gradient, strict=True)]


class Peak(wiring.Component):
    """Adds to every beat what the groups in it have in all: a union instead of a maximum.

    The leading one of a union is that of the largest number.  Its lowest bit tells numbers other than
    zero; above it are magnitudes where groups are longer than a beat.  Where they are not, `complemented`
    does without an adder, and the encoder looks after the powers of two.  A run of M + 1 ones belongs to a
    magnitude that NEAREST rounds up to the next power of two.

    Golden: the first step of `golden.lightnorm.blocks.encode`.  Throughput: one beat per cycle.
    Latency: none, or, where a group is longer than a beat, until the group has ended.

    Parameters
    ----------
    fmt: number formats.  lanes: values of a beat; lanes and groups are powers of two.
    spikes: with CLIP, quiet lanes do not count where others do; else all count.

    Members: i: stream of `results`.  o: stream of `peaked`.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, fmt: NormFormat, lanes: int, spikes: Spikes) -> None:
        self._fmt, self._lanes, self._spikes = fmt, lanes, spikes
        super().__init__(
            {
                "i": In(stream.Signature(results(fmt, lanes))),
                "o": Out(stream.Signature(peaked(fmt, lanes))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fmt, lanes, size = self._fmt, self._lanes, unit_size(self._fmt, self._lanes)
        source = self.i.payload
        long = longest(fmt, lanes) > 1
        parts = []
        for start in range(0, lanes, size):
            some: list[dict[str, Value]] = []
            for lane in range(start, start + size):
                word, inside = source.words[lane], source.mask[lane]
                quiet = source.quiet[lane] if self._spikes == Spikes.CLIP else Const(0)
                found = {"ones": Cat(word[-1], complemented(word))}
                if long:
                    magnitude = Signal(len(word) - 1, name=f"magnitude{lane}")
                    m.d.comb += magnitude.eq(complemented(word) + word[-1])
                    backward, forward = (
                        runs(magnitude, b.magnitude_bits + 1) for b in (fmt.gradient, fmt.forward)
                    )
                    found = {"ones": magnitude << 1, "runs": Mux(source.backward, backward, forward)}
                some.append(
                    {name: Mux(inside & ~quiet, value, 0) for name, value in found.items()}
                    | {f"all_{name}": Mux(inside, value, 0) for name, value in found.items()}
                    | {"counted": inside & ~quiet}
                )
            part = Signal(union(fmt, lanes), name=f"part{start}")
            m.d.comb += [part[name].eq(joined([lane[name] for lane in some])) for name in some[0]]
            parts.append(part.as_value())
        whole = by_group(fmt, lanes, parts, source.backward, joined)
        if not long:
            m.d.comb += [
                self.o.valid.eq(self.i.valid),
                self.i.ready.eq(self.o.ready),
                self.o.payload.results.eq(source),
                self.o.payload.unions.eq(Cat(whole)),
                self.o.payload.ends.eq(1),
            ]
        else:
            length = [max(1, b.group // lanes) for b in (fmt.forward, fmt.gradient)]
            self._long_groups(m, Mux(source.backward, length[1], length[0]), max(length), whole)
        return m

    def _long_groups(self, m: Module, length: Value, depth: int, parts: list[Value]) -> None:
        """Beats wait in a queue until their group has ended; unions wait in a second one."""
        bits = Cat(parts).shape().width
        source = self.i.payload
        width = len(Value.cast(source)) + 1
        m.submodules.beats = beats = SyncFIFO(width=width, depth=depth + _SLACK)
        m.submodules.unions = unions = SyncFIFO(width=bits, depth=depth + _SLACK)
        place = Signal(range(depth))
        running, now = Signal(bits, reset_less=True), Signal(bits)
        ends = (place == length - 1) | source.last
        taken = self.i.valid & self.i.ready
        m.d.comb += [
            now.eq(Mux(place == 0, 0, running) | Cat(parts)),
            self.i.ready.eq(beats.w_rdy & unions.w_rdy),
            beats.w_data.eq(Cat(source, ends)),
            beats.w_en.eq(taken),
            unions.w_data.eq(now),
            unions.w_en.eq(taken & ends),
        ]
        with m.If(taken):
            m.d.sync += [place.eq(Mux(ends, 0, place + 1)), running.eq(now)]
        m.d.comb += [
            self.o.valid.eq(beats.r_rdy & unions.r_rdy),
            Cat(self.o.payload.results, self.o.payload.ends).eq(beats.r_data),
            self.o.payload.unions.eq(unions.r_data),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.comb += [beats.r_en.eq(1), unions.r_en.eq(self.o.payload.ends)]
