"""Writeback of the passes of training: sums become blocks, or errors of the map below."""

from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.spec import latency
from golden.spec.block import Spikes
from golden.spec.commands import SHIFT_BITS, pass_record
from golden.spec.config import Config
from golden.spec.learning import NORM_FORMAT
from golden.spec.maps import CODE_BITS, EXPONENT_SHARE
from golden.spec.memories import feature_bits
from hw.interfaces import access_signature
from hw.learning.ports import blocks_signature
from hw.learning.shared_rounder import count_bits, rounder_signature
from hw.learning.word_random import WordRandom, slice_bits
from hw.lightnorm.encoder import Encoder
from hw.lightnorm.to_blocks import narrow
from hw.parts.delay import delayed
from hw.parts.layouts import layout
from hw.parts.lfsr import seed_bits
from hw.writeback.terms import operands_signature


class MapWriter(wiring.Component):
    """Takes `basis` sums at a time and writes whole words.

    FORWARD: groups of sums in the forward format of `golden.spec.learning.NORM_FORMAT`, packed as
    `golden.spec.maps.pack_group` says.  ERROR: by a `MapRounder`, stochastic, with the words of an addend and
    of the map that masks, read with a word's first slice.

    Golden: `golden.learning`.  Latency: `latency.BLOCKS` or `latency.ERRORS` cycles from a word's last token
    to the cycle in which it may be written, and at most two more.  Throughput: a term a cycle (FORWARD), one
    every `latency.slow_terms` (ERROR).

    Members
    -------
    error: In, it is an error pass, else a forward pass of training; still during a pass, as `command`.
    start: In, a pass of either kind begins.  enable: In, one runs.
    command: In, fields.  shift, addend_shift: In, those of its issue.
    i: In, from the operands.  port: Out, always granted at once.
    blocks: Out, of FORWARD, for their statistics.
    rounder: Out, to the rounder of errors.  turn_done: Out, the last word of a turn is written.
    saturated, large: Out, counts of errors since `start` (`MapRounder`).
    load, word: In, a new state for the generator of random bits.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        counts = Out(count_bits(config))
        super().__init__(
            {
                "enable": In(1),
                "error": In(1),
                "command": In(layout(pass_record(config))),
                "shift": In(signed(SHIFT_BITS)),
                "addend_shift": In(signed(SHIFT_BITS)),
                "i": In(operands_signature(config)),
                "port": Out(access_signature(config)),
                "blocks": Out(blocks_signature(config)),
                "turn_done": Out(1),
                "start": In(1),
                "rounder": Out(rounder_signature(config)),
                "saturated": counts,
                "large": counts,
                "load": In(1),
                "word": In(seed_bits(slice_bits(config))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        slices = config.lanes // config.basis
        token = Signal.like(self.i.token)
        m.d.comb += [
            token.eq(self.i.token),
            token.valid.eq(self.i.token.valid & self.enable),
            token.turn_end.eq(self.i.token.turn_end & self.enable),
        ]
        tokens = delayed(m, token, latency.ERRORS, "token")
        chosen = Signal(config.basis * config.accumulator_bits)
        m.d.sync += chosen.eq(
            Array(self.i.sums.word_select(part, len(chosen)) for part in range(slices))[tokens[1].slice]
        )
        blocks, blocks_valid = self._blocks(m, chosen, tokens[2].valid & ~self.error)
        block = tokens[latency.BLOCKS]
        m.d.comb += [
            self.blocks.start.eq(self.start & ~self.error & ~self.command.resumes),
            self.blocks.valid.eq(blocks_valid),
            self.blocks.bytes.eq(blocks),
            self.blocks.slice.eq(block.slice),
            self.blocks.channel.eq(block.pool_index),
            self.blocks.initial.eq(block.pool_first & ~self.command.resumes),
            self.blocks.final.eq(block.pool_last & ~self.command.pauses),
            *(self.blocks.layer[name].eq(self.command[name]) for name in self.blocks.layer.shape().members),
        ]
        errors, errors_valid, reading = self._errors(m, chosen, tokens)

        # Slices gather in a word. A whole one waits until nothing is read, as the next one begins to gather.
        part = Signal(range(slices))
        come = Signal()
        piece = Signal(config.basis * 8)
        word, whole = Signal(config.lanes * 8), Signal(config.lanes * 8)
        waiting = Signal()
        address = Signal(feature_bits(config))
        writing = Mux(self.error, tokens[latency.ERRORS].as_value(), tokens[latency.BLOCKS].as_value())
        writing = data.View(tokens[0].shape(), writing)
        m.d.comb += [
            come.eq(Mux(self.error, errors_valid, blocks_valid)),
            piece.eq(Mux(self.error, errors, blocks)),
        ]
        with m.If(waiting & ~reading):
            m.d.sync += waiting.eq(0)
        with m.If(come):
            m.d.sync += [word.word_select(part, len(piece)).eq(piece), part.eq(part + 1)]
            with m.If(part == slices - 1):
                gathered = Cat(word[: len(word) - len(piece)], piece)
                m.d.sync += [part.eq(0), waiting.eq(1), address.eq(writing.address), whole.eq(gathered)]
        with m.If(waiting & ~reading):
            m.d.comb += [
                self.port.valid.eq(1),
                self.port.write.eq(1),
                self.port.address.eq(address),
            ]
        m.d.comb += [
            self.port.data.eq(whole),
            self.turn_done.eq(delayed(m, writing.turn_end, latency.WRITE_WAIT, "turn_end")[-1]),
        ]
        return m

    def _blocks(self, m: Module, sums: Signal, valid: Signal) -> tuple[Signal, Signal]:
        """Bytes of blocks, `latency.BLOCKS` cycles after their token, and whether there are some."""
        config, bits = self._config, self._config.accumulator_bits
        fmt = narrow(NORM_FORMAT.forward, bits + 1)
        m.submodules.encoder = encoder = Encoder(fmt, config.basis, Spikes.BLOCK)
        source, out = encoder.i.payload, encoder.o.payload.beat
        m.d.comb += [
            encoder.i.valid.eq(valid),
            encoder.o.ready.eq(1),
            source.mask.eq(-1),
            source.grid.eq(self.shift),
        ]
        bytes_ = Signal(config.basis * 8)
        group = NORM_FORMAT.forward.group
        for lane in range(config.basis):
            m.d.comb += [
                source.words[lane].eq(sums.word_select(lane, bits).as_signed()),
                bytes_.word_select(lane, 8).eq(
                    Cat(
                        out.magnitudes[lane],
                        out.signs[lane],
                        out.exponents[lane // group][EXPONENT_SHARE * (lane % group) :][:EXPONENT_SHARE],
                    )
                ),
            ]
            assert len(out.magnitudes[lane]) + 1 == CODE_BITS
        return bytes_, encoder.o.valid

    def _errors(self, m: Module, sums: Signal, tokens: list[Any]) -> tuple[Signal, Signal, Signal]:
        """Bytes of errors, `latency.ERRORS` cycles after their token, whether there are some, and whether
        a word is read in this cycle."""
        config, command = self._config, self.command
        bits, part = config.accumulator_bits, config.basis * 8
        rounder = self.rounder
        m.submodules.random = random = WordRandom(config)
        # The word of the addend is asked for in the first cycle, that of the mask in the second: a register.
        asks = [
            (tokens[0], command.addend, command.addend_distance),
            (tokens[1], command.masked, command.mask_distance),
        ]
        reading, wants = Signal(), Signal(len(asks))
        m.d.comb += reading.eq(wants.any())
        for number, (asker, wanted, distance) in enumerate(asks):
            address = Signal.like(asker.address, name=f"address{number}")
            m.d.sync += [
                wants[number].eq(asker.valid & (asker.slice == 0) & wanted & self.error),
                address.eq(asker.address + distance),
            ]
            with m.If(wants[number]):
                m.d.comb += [self.port.valid.eq(1), self.port.address.eq(address)]
        came, addend, mask = (Signal(config.lanes * 8, name=name) for name in ("came", "addend", "mask"))
        m.d.sync += came.eq(self.port.read)
        with m.If(tokens[3].valid & (tokens[3].slice == 0)):
            m.d.sync += addend.eq(came)
        # Not a cycle earlier: the last slice of the word before may be right ahead.
        with m.If(tokens[4].valid & (tokens[4].slice == 0)):
            m.d.sync += mask.eq(came)

        # Chosen a cycle ahead: the word of the next addend may be there with the last beat of this one.
        before, now = tokens[latency.MAP_OPERANDS - 1], tokens[latency.MAP_OPERANDS]
        addends = Signal(part)
        m.d.sync += addends.eq(addend.word_select(before.slice, part))
        values = delayed(m, sums, latency.MAP_OPERANDS - 2, "sums")[-1]
        beat = rounder.i.payload
        m.d.comb += [
            rounder.enable.eq(1),
            rounder.rule.shift.eq(self.shift),
            rounder.rule.addend_shift.eq(self.addend_shift),
            rounder.rule.add.eq(command.addend),
            rounder.rule.stochastic.eq(1),
            rounder.rule.masked.eq(command.masked),
            rounder.rule.mask_relu.eq(command.mask_relu),
            rounder.i.valid.eq(self.error & now.valid),
            rounder.random.eq(random.bytes),
            random.draw.eq(rounder.draw),
            rounder.clear.eq(self.start & self.error & ~command.counts_on),
            self.saturated.eq(rounder.saturated),
            self.large.eq(rounder.large),
            random.load.eq(self.load),
            random.word.eq(self.word),
            Cat(beat.addends).eq(addends),
            Cat(beat.mask).eq(mask.word_select(now.slice, part)),
        ]
        for lane in range(config.basis):
            m.d.comb += beat.values[lane].eq(values.word_select(lane, bits).as_signed())
        return rounder.o, rounder.valid, reading
