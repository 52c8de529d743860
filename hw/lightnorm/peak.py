"""The largest counted magnitude of every group, beside the group's values."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from golden.spec.block import BlockFormat
from hw.lightnorm.layouts import GRID_BITS, groups, lane_group, words

_SLACK = 4
"""Beats beyond a group that wait while a queue passes the first one on; short groups may be a beat."""


def peaked(fmt: BlockFormat, bits: int, lanes: int) -> data.StructLayout:
    """Magnitudes with the peaks of their groups; signed grid as bits, sign and counted by lane."""
    return data.StructLayout(
        {
            "magnitudes": data.ArrayLayout(unsigned(bits), lanes),
            "signs": unsigned(lanes),
            "grid": unsigned(GRID_BITS),
            "mask": unsigned(lanes),
            "last": unsigned(1),
            "peaks": data.ArrayLayout(unsigned(bits), groups(fmt, lanes)),
            "any": unsigned(groups(fmt, lanes)),
            "ends": unsigned(1),
        }
    )


def largest(values: list[Value]) -> Value:
    """The largest of unsigned values, as a tree."""
    while len(values) > 1:
        pairs = [values[i : i + 2] for i in range(0, len(values), 2)]
        values = [pair[0] if len(pair) == 1 else Mux(pair[0] < pair[1], pair[1], pair[0]) for pair in pairs]
    return values[0]


class Peak(wiring.Component):
    """Adds to every beat the largest magnitude that counts in each of its groups.

    Golden: the first step of `golden.lightnorm.blocks.encode`.  Throughput: one beat per cycle.
    Latency: 1 cycle, or, where a group is longer than a beat, until the group has ended.

    Parameters
    ----------
    fmt: of the groups.  bits: of the signed input words.  lanes: values of a beat; lanes and
        fmt.group are powers of two.

    Members: i: stream of `words`.  o: stream of `peaked`: `any` tells groups with a value that is not 0,
    `ends` the last beat of a group.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, fmt: BlockFormat, bits: int, lanes: int) -> None:
        self._fmt, self._bits, self._lanes = fmt, bits, lanes
        super().__init__(
            {
                "i": In(stream.Signature(words(bits, lanes))),
                "o": Out(stream.Signature(peaked(fmt, bits, lanes))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fmt, bits, lanes = self._fmt, self._bits, self._lanes
        size = lane_group(fmt, lanes)
        source = self.i.payload
        magnitudes = [Signal(bits, name=f"magnitude{lane}") for lane in range(lanes)]
        for lane, magnitude in enumerate(magnitudes):
            word = source.words[lane]
            m.d.comb += magnitude.eq(Mux(source.mask[lane], Mux(word < 0, -word, word), 0))
        signs = Cat(word < 0 for word in source.words)
        quiet = source.quiet | ~source.mask
        loud_peaks, all_peaks, all_quiet = [], [], []
        for group in range(groups(fmt, lanes)):
            members = range(group * size, (group + 1) * size)
            loud_peaks.append(largest([Mux(quiet[lane], 0, magnitudes[lane]) for lane in members]))
            all_peaks.append(largest([magnitudes[lane] for lane in members]))
            all_quiet.append(Cat(quiet[lane] for lane in members).all())
        shape = peaked(fmt, bits, lanes)
        held = Signal(shape)
        length = max(1, fmt.group // lanes)
        place = Signal(range(length + 1))
        ends = (place == length - 1) | source.last
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += place.eq(Mux(ends, 0, place + 1))
        common = [
            *(held.magnitudes[lane].eq(magnitude) for lane, magnitude in enumerate(magnitudes)),
            held.signs.eq(signs),
            held.grid.eq(source.grid),
            held.mask.eq(source.mask),
            held.last.eq(source.last),
            held.ends.eq(ends),
        ]
        if fmt.group <= lanes:
            with m.If(~self.o.valid | self.o.ready):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [self.o.valid.eq(self.i.valid), *common]
                for group, (loud, every, mute) in enumerate(
                    zip(loud_peaks, all_peaks, all_quiet, strict=True)
                ):
                    m.d.sync += [
                        held.peaks[group].eq(Mux(mute, every, loud)),
                        held.any[group].eq(every.any()),
                    ]
            m.d.comb += self.o.payload.eq(held)
            return m
        self._long_groups(m, held, common, place == 0, (loud_peaks[0], all_peaks[0], all_quiet[0]))
        return m

    def _long_groups(
        self,
        m: Module,
        held: data.View,
        common: list[Value],
        first: Value,
        parts: tuple[Value, Value, Value],
    ) -> None:
        """Beats wait in a queue until their group has ended; results wait in a second one."""
        fmt, bits, lanes = self._fmt, self._bits, self._lanes
        length = fmt.group // lanes
        m.submodules.beats = beats = SyncFIFO(width=held.shape().size, depth=length + _SLACK)
        m.submodules.results = results = SyncFIFO(width=bits + 1, depth=length + _SLACK)
        m.d.comb += [*common, held.peaks[0].eq(0), held.any.eq(0)]
        loud, every, mute = (Signal(bits), Signal(bits), Signal())
        loud_now, every_now, mute_now = (Signal(bits), Signal(bits), Signal())
        m.d.comb += [
            loud_now.eq(largest([Mux(first, 0, loud), parts[0]])),
            every_now.eq(largest([Mux(first, 0, every), parts[1]])),
            mute_now.eq((first | mute) & parts[2]),
            self.i.ready.eq(beats.w_rdy & results.w_rdy),
            beats.w_data.eq(held),
            results.w_data.eq(Cat(Mux(mute_now, every_now, loud_now), every_now.any())),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.comb += [beats.w_en.eq(1), results.w_en.eq(held.ends)]
            m.d.sync += [
                loud.eq(loud_now),
                every.eq(every_now),
                mute.eq(mute_now),
            ]
        m.d.comb += [
            self.o.valid.eq(beats.r_rdy & results.r_rdy),
            self.o.payload.eq(beats.r_data),
            self.o.payload.peaks[0].eq(results.r_data[:bits]),
            self.o.payload.any.eq(results.r_data[bits]),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.comb += [beats.r_en.eq(1), results.r_en.eq(self.o.payload.ends)]
