"""The accelerator with a LightNorm unit at its output."""

from enum import IntEnum
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.block import GRID_BITS, NormFormat, Spikes
from golden.spec.config import Config
from hw.core.accelerator import Accelerator
from hw.lightnorm.layouts import Op
from hw.lightnorm.pass_arbiter import PassArbiter
from hw.lightnorm.to_blocks import COUNT_BITS, ToBlocks, block_beat
from hw.lightnorm.unit import LightNorm

MOST_LANES = 16
"""Lanes of a LightNorm unit: chunks begin at multiples of 16 values (`golden.spec.block.CHUNK_ALIGN`)."""


class Results(IntEnum):
    """What becomes of the results of a run."""

    RAW = 0
    """They leave as int8 on `o_result`."""
    BLOCKS = 1
    """They leave encoded on `o_blocks`."""
    NORM = 2
    """They leave encoded on `o_blocks`, and the same beats are the pass STAT of the LightNorm unit."""


class NormedAccelerator(wiring.Component):
    """Runs programs as `Accelerator` does, and normalises their results: statistics as they are written.

    Golden: `golden.machine`, then `golden.lightnorm.blocks.encode` and `golden.lightnorm.unit`.
    docs/lightnorm.md, section 5, has the schedule.  Throughput: `Accelerator` has a word of results every
    second cycle; with NORM a channel takes at least as long as its arithmetic (`ChannelArithmetic`), and
    the results wait.

    Parameters
    ----------
    config: of the accelerator.  fmt, spikes, index_bits: of the LightNorm unit; it has the accelerator's
    lanes, but at most 16.

    Members
    -------
    All of `Accelerator`; of `LightNorm` `parameters`, `places_in`, `places_out`, `found` and the constants.
    i_norm: stream of `pass_beat`, passes that a host asks for; while the results of a run with NORM leave,
    only the APPLYs of its channels.  o_norm: stream of `encoded`, y and dx.
    o_blocks: stream of `block_beat`, the results.
    results: In, `Results`.  channel_words, last_lanes, grid: In, of the results: `ToBlocks`.  These stand
    still from the start of a run until its last result has left.
    """

    def __init__(self, config: Config, fmt: NormFormat, spikes: Spikes, index_bits: int = 16) -> None:
        self._config, self._fmt = config, fmt
        self._lanes = lanes = min(config.lanes, MOST_LANES)
        self._accelerator = Accelerator(config)
        self._norm = LightNorm(fmt, lanes, spikes, index_bits)
        norm = dict(self._norm.signature.members)
        i, o = norm.pop("i"), norm.pop("o")
        super().__init__(
            {
                **self._accelerator.signature.members,
                **norm,
                "i_norm": i,
                "o_norm": o,
                "o_blocks": Out(stream.Signature(block_beat(fmt.forward, lanes))),
                "results": In(2),
                "channel_words": In(COUNT_BITS),
                "last_lanes": In(range(config.lanes + 1)),
                "grid": In(signed(GRID_BITS)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        lanes = self._lanes
        m.submodules.accelerator = accelerator = self._accelerator
        m.submodules.norm = norm = self._norm
        m.submodules.to_blocks = to_blocks = ToBlocks(self._fmt.forward, self._config.lanes, lanes)
        m.submodules.arbiter = arbiter = PassArbiter(self._fmt, lanes)
        for part, others in ((accelerator, {"o_result"}), (norm, {"i", "o"})):
            for name, member in part.signature.members.items():
                if name not in others:
                    _through(m, member, getattr(self, name), getattr(part, name))
        wiring.connect(m, wiring.flipped(self.i_norm), arbiter.i_host)
        wiring.connect(m, arbiter.o, norm.i)
        wiring.connect(m, norm.o, wiring.flipped(self.o_norm))

        raw, fused = self.results == Results.RAW, self.results == Results.NORM
        result, block, stat = accelerator.o_result, to_blocks.o, arbiter.i_array
        m.d.comb += [
            self.o_result.payload.eq(result.payload),
            self.o_result.valid.eq(result.valid & raw),
            to_blocks.i.payload.eq(result.payload.data),
            to_blocks.i.valid.eq(result.valid & ~raw),
            result.ready.eq(Mux(raw, self.o_result.ready, to_blocks.i.ready)),
            to_blocks.words.eq(self.channel_words),
            to_blocks.last_lanes.eq(self.last_lanes),
            to_blocks.grid.eq(self.grid),
            arbiter.solved.eq(norm.found.valid & norm.found.ready),
        ]

        # A beat goes to both of its readers, to each when it takes it.
        seen, counted = Signal(), Signal()
        seen_now, counted_now = Signal(), Signal()
        m.d.comb += [
            self.o_blocks.payload.eq(block.payload),
            self.o_blocks.valid.eq(block.valid & ~seen),
            stat.payload.op.eq(Op.STAT),
            stat.payload.x.codes.eq(block.payload.beat.codes),
            stat.payload.x.exponents.eq(block.payload.beat.exponents),
            stat.payload.mask.eq(block.payload.beat.mask),
            stat.payload.last.eq(block.payload.beat.last),
            stat.valid.eq(block.valid & fused & ~counted),
            seen_now.eq(seen | self.o_blocks.ready),
            counted_now.eq(counted | stat.ready | ~fused),
            block.ready.eq(seen_now & counted_now),
        ]
        with m.If(block.valid):
            m.d.sync += Cat(seen, counted).eq(Mux(block.ready, 0, Cat(seen_now, counted_now)))
        return m


def _through(m: Module, member: wiring.Member, outer: Any, inner: Any) -> None:
    """Joins a port of a component with that of a part of it."""
    if member.is_signature:
        wiring.connect(m, wiring.flipped(outer), inner)
    elif member.flow == In:
        m.d.comb += inner.eq(outer)
    else:
        m.d.comb += outer.eq(inner)
