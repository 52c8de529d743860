"""LightNorm over the maps of a layer: from x to y, or from dy to dx."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.block import EPSILON, Spikes, scalar
from golden.spec.commands import SHIFT_BITS as ISSUE_BITS
from golden.spec.commands import index_bits, norm_record
from golden.spec.config import Config
from golden.spec.learning import NORM_FORMAT
from hw.interfaces import access_signature
from hw.learning.extreme_marks import ExtremeMarks
from hw.learning.layer_sums import LayerSums
from hw.learning.map_rounder import SHIFT_BITS
from hw.learning.norm_bytes import put_bytes
from hw.learning.norm_walk import NormWalk, norm_tag
from hw.learning.parameter_memory import given_signature
from hw.learning.ports import blocks_signature
from hw.learning.run_steps import RunSteps
from hw.learning.shared_rounder import count_bits, rounder_signature
from hw.learning.word_reader import WordReader
from hw.learning.word_writer import WordWriter
from hw.lightnorm.affine_passes import AffinePasses
from hw.lightnorm.layouts import Op
from hw.lightnorm.scalar import scalar_layout
from hw.parts.layouts import layout


def channel_found() -> data.StructLayout:
    """Of a channel. first: mean, or dβ.  second: spread, or dγ."""
    return data.StructLayout({"first": scalar_layout(), "second": scalar_layout()})


class NormPasses(wiring.Component):
    """Runs a layer's channels through LightNorm, from map to map.

    Statistics of x come from the stream that the array writes.  Forward: APPLY over x; y, and a map that is
    added, to the nearest int8.  Backward: REDUCE, which finds places of extremes as well, and GRAD; dx and
    its spikes to int8 with random bits.  Mean and scale are kept beside the parameters in between.  The time
    of a layer does not depend on its numbers.

    Where the command has no 1/n, mean and scale are *given*: those that are kept beside the parameters
    already. Forward nothing is found or kept then; backward dx is dy by a factor. A *lone* command has no
    GRAD.

    Golden: `golden.learning.norm` and `golden.spec.maps`; `golden.cycles.norm` the cycles.  Latency and
    throughput: a word of a pass takes four cycles, or lanes / basis if they are more, two forward without
    `add` if lanes / basis is not more.

    Parameters
    ----------
    config: its basis is the number of lanes here, a multiple of `golden.spec.maps.GROUP`.

    Members
    -------
    start: In.  command: In, `norm_record`; shift, addend_shift: In, those of its issue; from `start` to
        `done`.  done: Out, one cycle, all is written.
    written: In, blocks of x, at least 8 cycles before the start of their layer.
    features: Out, to the feature memory.
    parameters: In, of one channel after the other; those of the first are there at `latency.PARAMETERS`, the
        others when the channel before is done.
    found: stream of `channel_found`, one a channel; none forward where statistics are given.
    rounder: Out, to the rounder of results, from `start` to `done`.
    draw: Out, `random` has been used up.  random: In, the bytes of a beat of dx, lane 0 lowest.
    saturated, large: Out, of the map that was written, as `MapRounder`'s; from `done` to the next start.
    """

    found: stream.Interface

    def __init__(self, config: Config) -> None:
        self._config = config
        counts = Out(count_bits(config))
        command = norm_record(config)
        super().__init__(
            {
                "start": In(1),
                "command": In(layout(command)),
                "shift": In(signed(ISSUE_BITS)),
                "addend_shift": In(signed(ISSUE_BITS)),
                "done": Out(1),
                "written": In(blocks_signature(config)),
                "features": Out(access_signature(config)),
                "parameters": In(given_signature()),
                "found": Out(stream.Signature(channel_found())),
                "draw": Out(1),
                "random": In(config.basis * 8),
                "rounder": Out(rounder_signature(config)),
                "saturated": counts,
                "large": counts,
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, command, features = self._config, self.command, self.features
        lanes, bits, backward = config.basis, index_bits(config), command.backward
        m.submodules.walk = walk = NormWalk(config)
        # Where two cycles are enough for a word, words may follow each other faster, and two of them wait.
        fast = config.lanes // lanes <= 2
        m.submodules.words = words = WordReader(config, norm_tag(), 2 if fast else 1)
        m.submodules.others = others = WordReader(config, 0, 1)
        m.submodules.sums = sums = LayerSums(config)
        m.submodules.core = core = AffinePasses(NORM_FORMAT, lanes, Spikes.APART, bits, True)
        m.submodules.marks = marks = ExtremeMarks(lanes, bits)
        rounder = self.rounder
        m.submodules.writer = writer = WordWriter(config)
        m.submodules.other_steps = other_steps = RunSteps(config)
        m.submodules.out_steps = out_steps = RunSteps(config)
        wiring.connect(m, walk.o, words.i)

        # Four turns go round: a word for the passes, two for one that is written, a word beside. That is
        # the last one backward, for the word of the passes, the third forward, for results of the one before.
        # So nobody waits for another: a word is there when the one before it has left.  A turn in which an
        # access is not granted lasts.  Where nothing is read beside and two cycles are enough for a word, the
        # passes have every other turn, and what is written the rest.
        running, turn, short = Signal(), Signal(2), Signal()
        other_address = Signal.like(command.other_address)
        with m.If(~features.valid | features.grant):
            m.d.sync += turn.eq(turn + 1)
        m.d.comb += [
            walk.start.eq(self.start),
            walk.command.eq(command),
            words.clear.eq(self.start),
            short.eq(~backward & ~command.add if fast else 0),
            words.turn.eq(Mux(short, ~turn[0], turn == 0)),
            words.moves.eq(Mux(short, ~turn[0], turn == 2)),
            others.clear.eq(self.start),
            others.turn.eq(turn[1] & (turn[0] == backward)),
            others.moves.eq(1),
            others.i.valid.eq(running & (backward | command.add)),
            others.i.payload.address.eq(other_address),
            writer.start.eq(self.start),
            writer.first.eq(command.out_address),
            writer.step.eq(out_steps.o),
            other_steps.step.eq(others.i.valid & others.i.ready),
            out_steps.step.eq(writer.ask & features.grant),
            writer.turn.eq(turn[0] ^ (turn[1] & backward)),
            features.valid.eq(words.ask | others.ask | writer.ask),
            features.write.eq(writer.ask),
            features.address.eq(
                Mux(writer.turn, writer.address, Mux(turn[1] & ~short, other_address, walk.o.payload.address))
            ),
            features.data.eq(writer.data),
        ]
        if fast:
            m.d.comb += words.deep.eq(short)
        for part in (words, others, writer):
            m.d.comb += part.grant.eq(features.grant)
        for part in (words, others):
            m.d.comb += part.read.eq(features.read)
        for steps in (other_steps, out_steps):
            m.d.comb += [steps.start.eq(self.start), steps.command.eq(command)]
        with m.If(other_steps.step):
            m.d.sync += other_address.eq(other_address + other_steps.o)

        # A beat of the passes; REDUCE has one of dy beside it.
        beat, last, reduces = words.o.payload, Signal(), Signal()
        both = beat.tag.op == Op.REDUCE
        m.d.comb += [last.eq(beat.tag.last & beat.ends), reduces.eq(both & others.o.valid)]
        for target, errors in ((sums.i, others.o.payload.bytes), (core.i, beat.bytes)):
            put_bytes(m, target.payload, beat.bytes, errors)
            m.d.comb += [
                target.payload.op.eq(beat.tag.op),
                target.payload.mask.eq(-1),
                target.payload.last.eq(last),
            ]
        m.d.comb += [
            sums.i.valid.eq(words.o.valid & reduces),
            core.i.valid.eq(words.o.valid & ~both),
            words.o.ready.eq(Mux(both, sums.i.ready & others.o.valid, core.i.ready)),
            sums.start.eq(self.start),
            sums.first.eq(command.parameter_address),
            sums.channels.eq(Mux(backward, 0, command.channels)),
            sums.chunk_beats.eq(command.chunk_beats),
            sums.chunks.eq(command.chunks),
        ]
        wiring.connect(m, wiring.flipped(self.written), sums.written)
        wiring.connect(m, sums.o, core.sums)
        pulled = self._results(m, sums, core, others, marks, rounder)
        self._channels(m, core, pulled)

        # The words that leave, and the end.
        channels = Signal.like(command.channels)
        ends = Mux(
            command.lone,
            core.found.valid & core.found.ready,
            core.o.valid & core.o.ready & core.o.payload.last,
        )
        m.d.comb += [
            rounder.enable.eq(~writer.hold),
            rounder.random.eq(self.random),
            rounder.clear.eq(self.start & ~command.counts_on),
            writer.valid.eq(rounder.valid),
            writer.coming.eq(rounder.coming),
            writer.bytes.eq(rounder.o),
            self.draw.eq(rounder.draw & rounder.enable),
            self.saturated.eq(rounder.saturated),
            self.large.eq(rounder.large),
            self.done.eq(running & (channels == 0) & ~rounder.busy & writer.empty),
        ]
        with m.If(ends):
            m.d.sync += channels.eq(channels - 1)
        with m.If(self.done):
            m.d.sync += running.eq(0)
        with m.If(self.start):
            m.d.sync += [
                running.eq(1),
                turn.eq(0),
                channels.eq(command.channels),
                other_address.eq(command.other_address),
            ]
        return m

    def _channels(self, m: Module, core: AffinePasses, pulled: Signal) -> None:
        """Parameters into a channel's arithmetic, and what it finds out of it."""
        command, given, result = self.command, core.parameters.payload, core.found.payload
        parameters, reduced = self.parameters, result.backward
        known, standing, silent = Signal(), Signal(), Signal()
        may = pulled | ~reduced | command.lone
        taken = core.found.valid & core.found.ready
        m.d.comb += [
            core.parameters.valid.eq(known & parameters.there),
            parameters.take.eq(taken),
            parameters.keep.eq(~reduced & ~standing),
            standing.eq(~command.inverse_mantissa[-1]),
            silent.eq(standing & ~reduced),
            core.given.eq(standing),
            core.lone.eq(command.lone),
            core.found.ready.eq(may & (self.found.ready | silent)),
            self.found.valid.eq(core.found.valid & may & ~silent),
            self.found.payload.first.eq(Mux(reduced, result.d_beta, result.mean)),
            self.found.payload.second.eq(Mux(reduced, result.d_gamma, result.spread)),
        ]
        for name in ("gamma", "beta"):
            m.d.comb += given[name].eq(getattr(parameters, name))
        for name in ("mean", "scale"):
            m.d.comb += [given[name].eq(parameters.kept[name]), parameters.found[name].eq(result[name])]
        for name in ("inverse", "spread"):
            for field in ("mantissa", "exponent"):
                m.d.comb += getattr(core, name)[field].eq(command[f"{name}_{field}"])
        epsilon = scalar(EPSILON)
        m.d.comb += [core.epsilon.mantissa.eq(epsilon.mantissa), core.epsilon.exponent.eq(epsilon.exponent)]
        m.d.sync += known.eq(~(self.start | taken))

    def _results(
        self,
        m: Module,
        sums: LayerSums,
        core: AffinePasses,
        others: WordReader,
        marks: ExtremeMarks,
        rounder: Any,
    ) -> Signal:
        """Results into bytes; True once the spike of a channel has become its pull."""
        command, result, out = self.command, core.o.payload, rounder.i.payload
        backward, add, spike = command.backward, command.add, core.found.payload.spike
        # A spike goes the way of a value before its channel's first one; shifts are registered twice.
        waits, pulls, pulled, settled, minus = Signal(), Signal(), Signal(), Signal(), Signal()
        shift = Signal(signed(SHIFT_BITS))
        there = others.o.valid | ~add
        taken = core.o.valid & rounder.i.ready & there
        m.d.comb += [
            waits.eq(core.found.valid & core.found.payload.backward & ~pulled & ~command.lone),
            rounder.rule.shift.eq(shift),
            rounder.rule.addend_shift.eq(self.addend_shift),
            rounder.rule.add.eq(add),
            rounder.rule.relu.eq(command.relu),
            rounder.rule.stochastic.eq(backward),
            rounder.i.valid.eq(pulls | (core.o.valid & there)),
            out.pull.eq(pulls),
            out.addends.eq(others.o.payload.bytes),
            out.high.eq(Mux(minus, marks.low, marks.high) & backward.replicate(len(out.high))),
            out.low.eq(Mux(minus, marks.high, marks.low) & backward.replicate(len(out.low))),
            core.o.ready.eq(rounder.i.ready & there),
            others.o.ready.eq(Mux(add, taken, sums.i.valid & sums.i.ready)),
            marks.i.valid.eq(sums.places.valid & ~command.lone),
            marks.i.payload.eq(sums.places.payload),
            sums.places.ready.eq(marks.i.ready | command.lone),
            marks.step.eq(taken & backward),
            marks.last.eq(result.last),
            marks.chunk_beats.eq(command.chunk_beats),
            marks.chunks.eq(command.chunks),
        ]
        for lane, word in enumerate(result.words):
            m.d.comb += out.values[lane].eq(word)
        with m.If(pulls):
            m.d.comb += out.values[0].eq(spike.mantissa)
        m.d.sync += [
            shift.eq(self.shift + Mux(waits, spike.exponent, result.grid)),
            settled.eq(waits),
            # It waits until it is taken.
            pulls.eq(waits & settled),
        ]
        with m.If(pulls & rounder.i.ready):
            m.d.sync += [pulled.eq(1), pulls.eq(0), minus.eq(spike.sign)]
        with m.If(core.found.valid & core.found.ready):
            m.d.sync += pulled.eq(0)
        return pulled
