"""The fetch unit: walks through the layers and turns them into rows for the engines."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec import memories
from golden.spec.config import Config
from golden.spec.memories import TURN_BITS, Memory, Operation, front_record, log2, tap_record
from hw.layouts import layout
from hw.memory import LoadedMemory, load_signature
from hw.rotate import Rotator
from hw.window import row_bits, row_signature

LATENCY = 4
"""Cycles from the issue of a row to its push into the window."""


class Fetch(wiring.Component):
    """Issues the rows of all jobs of all layers, in order (docs/machine.md, sections 2 and 6).

    Golden: `golden.machine`.  Latency: `LATENCY` cycles from issue to push.  Throughput: one row
    per cycle; one cycle between layers, one marker row after each job.

    A row is issued when every engine has left the row `window` before it, and when the turns
    that make its channel are done.

    Members
    -------
    load: load bus (front words and tap words).
    start: In, begin with instruction 0.
    turns_done: In, turns done since the start.
    engine_row: In, per engine, the oldest row that it may still read (row numbers as in RowWindow).
    word, next_word, rotation: Out, port A of the feature memory.  data: In, its bytes.
    push: Out, rows for the window.
    finished: Out, END was reached and all jobs that were fetched are done.
    illegal: Out, an instruction is illegal.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        address = memories.feature_bits(config)
        super().__init__(
            {
                "load": In(load_signature(config)),
                "start": In(1),
                "turns_done": In(TURN_BITS),
                "engine_row": In(row_bits(config)).array(config.engines),
                "word": Out(address),
                "next_word": Out(address),
                "rotation": Out(log2(config.lanes)),
                "data": In(config.lanes * 8),
                "push": Out(row_signature(config)),
                "finished": Out(1),
                "illegal": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        front = layout(front_record(config))
        m.submodules.instructions = instructions = LoadedMemory(config, Memory.FRONT, front)
        m.submodules.taps = taps = LoadedMemory(config, Memory.TAP, layout(tap_record(config)))
        wiring.connect(m, wiring.flipped(self.load), instructions.load)
        wiring.connect(m, wiring.flipped(self.load), taps.load)

        # Where we are: instruction, round, tile, channel, tap; marker after the last tap.
        counter = Signal(log2(config.instructions))
        now = Signal(front)
        round_ = Signal.like(now.rounds)
        tile = Signal.like(now.tiles)
        channel = Signal.like(now.channels)
        tap = Signal.like(now.taps)
        at_marker = Signal()
        tap_base = Signal.like(now.tap_address)
        channel_base = Signal.like(now.input_address)
        ready_turns = Signal(TURN_BITS)
        ready_engine = Signal(range(max(config.engines, 2)))
        ready_left = Signal.like(now.ready_channels)
        row = Signal(row_bits(config))

        last_tap = Signal()
        last_channel = Signal()
        last_tile = Signal()
        last_round = Signal()
        m.d.comb += [
            instructions.address.eq(counter),
            taps.address.eq(tap_base + tap),
            last_tap.eq(tap == now.taps - 1),
            last_channel.eq(channel == now.channels - 1),
            last_tile.eq(tile == now.tiles - 1),
            last_round.eq(round_ == now.rounds - 1),
        ]

        room = Cat(
            ((row - engine_row)[: row_bits(config)] < config.window) for engine_row in self.engine_row
        ).all()
        ready = Signal()
        m.d.comb += ready.eq(self.turns_done >= ready_turns)
        issue = Signal()

        def begin_job(layer: Any) -> list[Any]:
            return [
                channel.eq(0),
                tap.eq(0),
                at_marker.eq(0),
                channel_base.eq(layer.input_address),
                ready_turns.eq(layer.ready_first),
                ready_engine.eq(0),
                ready_left.eq(layer.ready_channels),
            ]

        # Turns fetched; those under way belong to markers in the window and to two jobs in the banks.
        fetched = Signal(row_bits(config) + 1 + config.engines.bit_length())
        with m.If(issue & at_marker):
            m.d.sync += fetched.eq(fetched + config.engines)
        with m.If(self.start):
            m.d.sync += fetched.eq(0)

        with m.FSM():
            with m.State("IDLE"), m.If(self.start):
                m.d.sync += [counter.eq(0), row.eq(0)]
                m.next = "READ"
            with m.State("READ"):
                m.next = "DECODE"
            with m.State("DECODE"):
                word = instructions.data
                m.d.sync += [
                    now.eq(word),
                    counter.eq(counter + 1),
                    round_.eq(0),
                    tile.eq(0),
                    tap_base.eq(word.tap_address),
                    *begin_job(word),
                ]
                sizes = [word.rounds, word.tiles, word.channels, word.taps, word.ready_channels]
                with m.If(word.operation == Operation.END):
                    m.next = "FINISHED"
                with m.Elif((word.operation == Operation.LAYER) & Cat(size != 0 for size in sizes).all()):
                    m.next = "ISSUE"
                with m.Else():
                    m.next = "ILLEGAL"
            with m.State("ISSUE"):
                m.d.comb += issue.eq(room & (ready | at_marker))
                with m.If(issue):
                    m.d.sync += row.eq(row + 1)
                    with m.If(at_marker):
                        m.d.sync += begin_job(now)
                        with m.If(last_tile):
                            m.d.sync += [tile.eq(0), round_.eq(round_ + 1), tap_base.eq(now.tap_address)]
                            with m.If(last_round):
                                m.next = "DECODE"
                        with m.Else():
                            m.d.sync += [tile.eq(tile + 1), tap_base.eq(tap_base + now.taps)]
                    with m.Elif(last_tap):
                        m.d.sync += [
                            tap.eq(0),
                            channel.eq(channel + 1),
                            channel_base.eq(channel_base + now.input_stride),
                            at_marker.eq(last_channel),
                            ready_left.eq(ready_left - 1),
                        ]
                        with m.If(ready_left == 1):
                            m.d.sync += [
                                ready_left.eq(now.ready_channels),
                                ready_turns.eq(ready_turns + 1),
                                ready_engine.eq(ready_engine + 1),
                            ]
                            with m.If(ready_engine == config.engines - 1):
                                m.d.sync += [
                                    ready_turns.eq(ready_turns + 1 + now.ready_step),
                                    ready_engine.eq(0),
                                ]
                    with m.Else():
                        m.d.sync += tap.eq(tap + 1)
            with m.State("FINISHED"):
                m.d.comb += self.finished.eq(fetched == self.turns_done[: len(fetched)])
                with m.If(self.start):
                    m.d.sync += [counter.eq(0), row.eq(0)]
                    m.next = "READ"
            with m.State("ILLEGAL"):
                m.d.comb += self.illegal.eq(1)

        # Issued, tap word read, address computed, bytes read, turned and masked.
        marker = Cat(issue & at_marker)
        rewind = Cat(~last_tile)
        valid = Cat(issue)
        for stage in range(LATENCY):
            signals = Signal(3, name=f"flags{stage + 1}")
            m.d.sync += signals.eq(Cat(valid, marker, rewind))
            valid, marker, rewind = signals[0], signals[1], signals[2]

        base1 = Signal.like(channel_base)
        mask2 = Signal(config.lanes)
        mask3 = Signal(config.lanes)
        rotation3 = Signal(log2(config.lanes))
        row4 = Signal(config.lanes * 8)
        word1 = base1 + (taps.data.pixel >> log2(config.lanes))
        m.d.sync += [
            base1.eq(channel_base),
            self.word.eq(word1),
            self.next_word.eq(word1 + 1),
            self.rotation.eq(taps.data.pixel.as_unsigned()[: log2(config.lanes)]),
            mask2.eq(taps.data.mask),
            mask3.eq(mask2),
            rotation3.eq(self.rotation),
        ]
        m.submodules.rotator = rotator = Rotator(config.lanes)
        masked = Cat(
            rotator.o.word_select(lane, 8) & mask3[lane].replicate(8) for lane in range(config.lanes)
        )
        m.d.comb += [rotator.i.eq(self.data), rotator.rotation.eq(rotation3)]
        m.d.sync += row4.eq(masked)
        m.d.comb += [
            self.push.valid.eq(valid),
            self.push.data.eq(row4),
            self.push.marker.eq(marker),
            self.push.rewind.eq(rewind),
        ]
        return m
