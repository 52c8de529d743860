"""The fetch unit: walks through the layers and turns them into rows for the engines."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec import latency, legality
from golden.spec.config import Config
from golden.spec.memories import TURN_BITS, Memory, Operation, front_record, log2, tap_record
from hw.fetch.probe import FetchProbe
from hw.interfaces import bank_signature, load_signature, row_bits, row_signature
from hw.parts.delay import delayed
from hw.parts.layouts import layout
from hw.parts.memory import LoadedMemory
from hw.parts.position import Position
from hw.parts.rotate import Rotator


class Fetch(wiring.Component):
    """Issues the rows of all jobs of all layers, in order (docs/machine.md, sections 2 and 6).

    Golden: `golden.machine`.  Latency: `latency.FIRST_ROW` cycles from start, `latency.ROW_PUSH` from
    issue to push.  Throughput: one row per cycle; one cycle between layers, one marker row after each job.

    A walk through the layers runs some rows ahead, so that where a row lies is known when it may be
    issued. It is issued in the cycle after every engine has left the row `window` before it and the
    turns that make its channel are done.

    Members
    -------
    load: load bus (front words and tap words).
    start: In, begin with instruction `entry`.
    turns_done: In, turns done since the start.
    engine_row: In, per engine, the oldest row that it may still read (row numbers as in RowWindow).
    features: Out, reads of the feature memory.
    push: Out, rows for the window.
    finished: Out, END was reached and all jobs that were fetched are done.
    illegal: Out, an instruction is illegal.
    """

    probe: FetchProbe

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(
            {
                "load": In(load_signature(config)),
                "start": In(1),
                "entry": In(log2(config.instructions)),
                "turns_done": In(TURN_BITS),
                "engine_row": In(row_bits(config)).array(config.engines),
                "features": Out(bank_signature(config)),
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

        # Where the walk is: round, tile, channel, tap, counted from 1; marker after the last tap.
        counter = Signal(log2(config.instructions))
        instruction, now = Signal(front), Signal(front)
        round_ = Position(m, "round", instruction.rounds, first=1)
        tile = Position(m, "tile", instruction.tiles, first=1)
        channel = Position(m, "channel", instruction.channels, first=1)
        tap = Position(m, "tap", instruction.taps, first=1)
        at_marker = Signal()
        tap_at = Signal.like(now.tap_address)
        tap_base = Signal.like(now.tap_address)
        channel_base = Signal.like(now.input_address)
        ready_turns = Signal(TURN_BITS)
        ready_engine, round_engine = (
            Signal(range(max(config.engines, 2)), name=name) for name in ("ready_engine", "round_engine")
        )
        ready_left = Signal.like(now.ready_channels)
        last_ready, alone_ready = Signal(), Signal()
        # In LAYERS: at an instruction, at a row with data; else at a marker. They enable most, so registers.
        decoding, on_row = Signal(), Signal()
        walking = on_row | at_marker
        advance = Signal()
        m.d.sync += instruction.eq(instructions.data)
        m.d.comb += [
            instructions.address.eq(counter),
            taps.address.eq(tap_at),
            taps.enable.eq(advance),
        ]

        def begin_rows(layer: Any, alone: Value) -> list[Any]:
            return [at_marker.eq(0), ready_left.eq(layer.ready_channels), last_ready.eq(alone)]

        def begin_channels(layer: Any, engine: Any) -> list[Any]:
            return [
                channel_base.eq(layer.input_address),
                ready_turns.eq(layer.ready_first),
                ready_engine.eq(engine),
            ]

        # Turns that the walk has passed; those under way belong to its lead, to markers in the window and to
        # two jobs in the banks.
        fetched = Signal(row_bits(config) + 1 + config.engines.bit_length())
        with m.If(advance & at_marker):
            m.d.sync += fetched.eq(fetched + config.engines)

        with m.FSM() as machine:
            with m.State("IDLE"), m.If(self.start):
                m.d.sync += counter.eq(self.entry)
                m.next = "READ"
            with m.State("READ"):
                m.next = "WORD"
            with m.State("WORD"):
                m.d.sync += decoding.eq(1)
                m.next = "LAYERS"
            with m.State("LAYERS"), m.If(advance & decoding):
                m.d.sync += [decoding.eq(0), counter.eq(counter + 1)]
                with m.If(instruction.operation == Operation.END):
                    m.next = "FINISHED"
                with m.Elif(legality.legal(legality.FRONT, instruction, config)):
                    m.d.sync += on_row.eq(1)
                with m.Else():
                    m.next = "ILLEGAL"
            with m.State("FINISHED"):
                m.d.comb += self.finished.eq(fetched == self.turns_done[: len(fetched)])
                with m.If(self.start):
                    m.d.sync += counter.eq(self.entry)
                    m.next = "READ"
            with m.State("ILLEGAL"):
                m.d.comb += self.illegal.eq(1)

        with m.If(decoding):
            for position in (round_, tile, channel, tap):
                position.load()
            alone = instruction.ready_channels == 1
            m.d.sync += [
                now.eq(instruction),
                tap_at.eq(instruction.tap_address),
                tap_base.eq(instruction.tap_address),
                round_engine.eq(0),
                alone_ready.eq(alone),
                *begin_rows(instruction, alone),
                *begin_channels(instruction, 0),
            ]
        with m.Elif(advance):
            with m.If(at_marker):
                # The tap words of the next tile begin behind those of this one.
                tile.next()
                channel.clear()
                tap.clear()
                m.d.sync += [
                    on_row.eq(~(tile.last & round_.last)),
                    decoding.eq(tile.last & round_.last),
                    tap_base.eq(tap_at),
                    *begin_rows(now, alone_ready),
                ]
                with m.If(tile.last & (now.moves if config.moves else Const(0, 1))):
                    # The round's channels are the first of the next one's no more.
                    m.d.sync += [
                        now.input_address.eq(channel_base),
                        now.ready_first.eq(ready_turns),
                        round_engine.eq(ready_engine),
                    ]
                with m.Else():
                    m.d.sync += begin_channels(now, round_engine)
                with m.If(tile.last):
                    tile.clear()
                    round_.next()
                    m.d.sync += [tap_at.eq(now.tap_address), tap_base.eq(now.tap_address)]
            with m.Elif(on_row):
                tap.next()
                m.d.sync += tap_at.eq(tap_at + 1)
                with m.If(tap.last & ~channel.last):
                    m.d.sync += tap_at.eq(tap_base)
                with m.If(tap.last):
                    tap.clear()
                    channel.next()
                    m.d.sync += [
                        channel_base.eq(channel_base + now.input_stride),
                        on_row.eq(~channel.last),
                        at_marker.eq(channel.last),
                        ready_left.eq(ready_left - 1),
                        last_ready.eq(ready_left == 2),
                    ]
                with m.If(tap.last & last_ready):
                    round_over = ready_engine == config.engines - 1
                    m.d.sync += [
                        ready_left.eq(now.ready_channels),
                        last_ready.eq(alone_ready),
                        ready_turns.eq(ready_turns + Mux(round_over, now.ready_step, 0) + 1),
                        ready_engine.eq(Mux(round_over, 0, ready_engine + 1)),
                    ]

        # The walk's lead: tap word in memory, tap word, address.
        bits = log2(config.lanes)
        valid, marker, rewind, low = (Signal(3, name=name) for name in ("valid", "marker", "rewind", "low"))
        needs = [Signal(TURN_BITS, name=f"need{stage}") for stage in range(1, 4)]
        bases = [Signal.like(channel_base, name=f"base{stage}") for stage in range(1, 3)]
        tap_word = Signal(layout(tap_record(config)))
        mask = Signal(config.lanes)
        with m.If(advance):
            m.d.sync += [
                valid.eq(Cat(walking, valid)),
                marker.eq(Cat(at_marker, marker)),
                rewind.eq(Cat(~tile.last, rewind)),
                low.eq(Cat(now.low if config.largest else Const(0, 1), low)),
                *(later.eq(need) for later, need in zip(needs, [ready_turns, *needs], strict=False)),
                *(later.eq(base) for later, base in zip(bases, [channel_base, *bases], strict=False)),
                tap_word.eq(taps.data),
                self.features.word.eq(bases[1] + (tap_word.pixel >> bits)),
                self.features.next_word.eq(bases[1] + (tap_word.pixel >> bits) + 1),
                self.features.rotation.eq(tap_word.pixel.as_unsigned()[:bits]),
                mask.eq(tap_word.mask),
            ]

        row, following = Signal(row_bits(config)), Signal(row_bits(config), init=1)

        # Rows are numbered modulo twice the window, and none is further than a window from an engine's.
        def free(number: Value) -> Value:
            """Whether the row `window` before this one was left by every engine."""
            return Cat((number ^ engine_row) != config.window for engine_row in self.engine_row).all()

        issue = Signal()
        # Of the row that is next in the next cycle: issue decides which one that is, so it must come early.
        room, ready = Signal(), Signal()
        m.d.sync += room.eq(Mux(issue, free(following), free(row)))
        m.d.sync += ready.eq(Mux(advance, self.turns_done >= needs[1], self.turns_done >= needs[2]))
        m.d.comb += [
            issue.eq(valid[2] & room & (marker[2] | ready)),
            advance.eq(~valid[2] | issue),
        ]
        with m.If(issue):
            m.d.sync += [row.eq(following), following.eq(following + 1)]
        with m.If(self.start):
            m.d.sync += [row.eq(0), following.eq(1), fetched.eq(0), valid.eq(0)]

        # Issued, bytes read, half turned, turned and masked.
        flags = delayed(m, Cat(issue, marker[2], rewind[2]), latency.ROW_PUSH, "flags")[-1]
        m.submodules.rotator = rotator = Rotator(config.lanes)
        held = delayed(m, Cat(mask, low[2]), latency.MEMORY + latency.ROTATE, "mask")[-1]
        turned_mask, lowest = held[:-1], Cat(Const(0, 7), held[-1])
        m.d.sync += rotator.rotation.eq(self.features.rotation)
        m.d.comb += [
            rotator.i.eq(self.features.data),
            Cat(self.push.valid, self.push.marker, self.push.rewind).eq(flags),
        ]
        for lane in range(config.lanes):
            byte = Signal(8, name=f"byte{lane}")
            m.d.comb += byte.eq(Mux(turned_mask[lane], rotator.o.word_select(lane, 8), lowest))
            m.d.sync += [self.push.data.word_select(lane, 8).eq(byte), self.push.busy[lane].eq(byte.any())]
        walk = {
            "now": now,
            **round_.registers,
            **tile.registers,
            **channel.registers,
            **tap.registers,
            "decoding": decoding,
            "on_row": on_row,
            "at_marker": at_marker,
            "tap_at": tap_at,
            "tap_base": tap_base,
            "channel_base": channel_base,
            "ready_turns": ready_turns,
            "ready_engine": ready_engine,
            "round_engine": round_engine,
            "ready_left": ready_left,
            "last_ready": last_ready,
            "alone_ready": alone_ready,
        }
        names = ("IDLE", "READ", "WORD", "LAYERS", "FINISHED", "ILLEGAL")
        self.probe = FetchProbe(
            states={name: machine.ongoing(name) for name in names},
            counter=counter,
            walk=walk,
            valid=valid,
            marker=marker,
            rewind=rewind,
            low=low,
            needs=needs,
            bases=bases,
            tap_word=tap_word,
            advance=advance,
            issue=issue,
            row=row,
            following=following,
            fetched=fetched,
        )
        return m
