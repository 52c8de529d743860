"""The fetch unit reads every tile of every round of every layer once and in order, under any stalls.

Proved by induction, so for runs of any length, for any program of legal and illegal instructions whose
sizes are at most `MOST`, for any tap words, and for any answers of the engines and the drain: in
every cycle the instruction memory gives a word of free choice to the address that it was asked for.

`Order` is the statement of docs/machine.md, sections 2 and 6, on two counts: the rows of the job that
were issued, and the jobs of the layer that were. All else follows from them by division: a job is
channels × taps rows, then one marker; a layer is rounds × tiles jobs; the coefficients are rewound after
all but the last tile of a round; row n is that of channel n div taps and tap n mod taps. These are the counts
of the unit's walk, which is three rows ahead of the rows issued at most. For the induction it also says what
the unit's registers hold (`FetchProbe`). What the memories do with a word that was loaded, and the
bytes of a row, are tested in simulation (`tests.hw.fetch.test_fetch`).
"""

from pathlib import Path
from unittest import mock

import pytest
from amaranth.hdl import Array, Assert, Assume, Cat, Const, Fragment, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In

from golden.spec import latency
from golden.spec.config import Config
from golden.spec.memories import TURN_BITS, Operation, feature_bits, front_record, log2, tap_record
from hw.fetch import fetch
from hw.fetch.fetch import Fetch
from hw.interfaces import row_bits
from hw.parts.layouts import layout
from hw.parts.memory import LoadedMemory
from tests.proofs.prover import Mode, Verdict, prove

CONFIG = Config(
    name="proof",
    engines=2,
    lanes=2,
    accumulators=4,
    basis=1,
    window=8,
    feature_words=16,
    coefficient_words=4,
    tap_words=16,
    term_words=4,
    filter_words=4,
    instructions=4,
)
MOST = 2
"""Rounds, tiles, channels and taps of a layer: one is first and last at once; of two, one is first, one
last. Of three, one is neither: that takes ten times as long and is proved with --long. Channels of
one turn may be as many as there is room for."""
FRONT, TAP = layout(front_record(CONFIG)), layout(tap_record(CONFIG))
DEPTH = latency.ROW_PUSH + 2
"""Cycles until nothing of an arbitrary state is left between the issue of a row and its push."""


class FreeMemory(LoadedMemory):
    """A memory without contents: what it says comes from outside, through `data`."""

    made: list["FreeMemory"]

    def elaborate(self, platform: object) -> Module:
        self.made.append(self)
        return Module()


class Order(wiring.Component):
    """A fetch unit whose memories, engines and drain are of free choice.

    instruction, tap: In, what the memories answer.  start: In, begin, where that may be.
    engine_row, turns_done: In, as in `Fetch`.
    fault: In, with `faulty`, a fault happens now: "lose", a row is not seen; "twice", one is seen that is
    not there; "overrun", the unit does not heed an engine; "early", it takes a turn for done that is not.
    """

    def __init__(self, faulty: str | None = None, most: int = MOST) -> None:
        self._faulty, self._most = faulty, most
        super().__init__(
            {
                "instruction": In(FRONT),
                "tap": In(TAP),
                "start": In(1),
                "engine_row": In(row_bits(CONFIG)).array(CONFIG.engines),
                "turns_done": In(TURN_BITS),
                "fault": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        unit, most = Fetch(CONFIG), self._most
        FreeMemory.made = []
        with mock.patch.object(fetch, "LoadedMemory", FreeMemory):
            m.submodules.unit = Fragment.get(unit, platform)
        instructions, taps = FreeMemory.made
        probe = unit.probe
        overrun, early, lose, twice = (
            self.fault if self._faulty == name else Const(0) for name in ("overrun", "early", "lose", "twice")
        )
        m.d.comb += [
            instructions.data.eq(self.instruction),
            taps.data.eq(self.tap),
            unit.start.eq(self.start),
            unit.turns_done.eq(self.turns_done + early),
            unit.engine_row[0].eq(self.engine_row[0]),
            unit.engine_row[1].eq(Mux(overrun, self.engine_row[0], self.engine_row[1])),
        ]
        issue, advance = probe.issue, probe.advance
        seen = Signal()

        # Where a run is.
        word = Signal(FRONT)
        begin, read, wait, decode, decoded, layer, end, illegal = (
            Signal(name=name)
            for name in ("begin", "read", "wait", "decode", "decoded", "layer", "end", "illegal")
        )
        idle = ~(read | wait | decode | layer | end | illegal)
        m.d.sync += word.eq(self.instruction)
        m.d.comb += [
            begin.eq(self.start),
            Assume(~begin | idle | end),
            decoded.eq(decode & advance),
            seen.eq((layer & advance & ~lose) | twice),
        ]
        sizes = [word.rounds, word.tiles, word.channels, word.taps, word.ready_channels]
        m.d.comb += Assume(Cat(size <= most for size in sizes[:-1]).all())
        legal = (word.operation == Operation.LAYER) & Cat(size != 0 for size in sizes).all()
        ends = word.operation == Operation.END
        final = Signal()
        m.d.sync += [
            read.eq(begin),
            wait.eq(read),
            decode.eq(wait | final | (decode & ~advance)),
            layer.eq((decoded & legal) | (layer & ~final)),
            end.eq((decoded & ends) | (end & ~begin)),
            illegal.eq((decoded & ~ends & ~legal) | illegal),
        ]
        states = {"IDLE": idle, "READ": read, "WORD": wait, "LAYERS": decode | layer}
        for state, here in (states | {"FINISHED": end, "ILLEGAL": illegal}).items():
            m.d.comb += Assert(probe.states[state] == here)
        m.d.comb += Assert(~(decode & layer))

        # The n-th instruction that is taken is the n-th of the memory.
        layers = Signal(log2(CONFIG.instructions))
        asked, answered = Signal.like(layers), Signal.like(layers)
        m.d.sync += [
            layers.eq(Mux(begin, 0, layers + decoded)),
            asked.eq(instructions.address),
            answered.eq(asked),
        ]
        m.d.comb += Assert(~(read | wait | decode | layer) | (probe.counter == layers))
        with m.If(decode):
            m.d.comb += Assert(answered == layers)

        # The two counts, and what follows from them.
        now = Signal(FRONT)
        rows, jobs = Signal(range(most**2 + 1)), Signal(range(most**2 + 1))
        rounds, tiles, channels, each = (
            size[: most.bit_length()] for size in (now.rounds, now.tiles, now.channels, now.taps)
        )
        marker, rewind = Signal(), Signal()
        m.d.comb += [
            marker.eq(rows == channels * each),
            rewind.eq((jobs + 1) % tiles != 0),
            final.eq(layer & seen & marker & (jobs + 1 == rounds * tiles)),
        ]
        with m.If(decoded):
            m.d.sync += [now.eq(word), rows.eq(0), jobs.eq(0)]
        with m.Elif(seen):
            m.d.sync += [rows.eq(Mux(marker, 0, rows + 1)), jobs.eq(jobs + marker)]
        channel, tap, tile = rows // each, rows % each, jobs % tiles

        # Where a row is read.
        of_round, within = _divided(channel, now.ready_channels, most)
        each_round, _ = _divided(channels, now.ready_channels, most)
        moved = Mux(now.moves, jobs // tiles, 0)
        turn = of_round + moved * each_round
        need = (now.ready_first + turn + (turn // CONFIG.engines) * now.ready_step)[:TURN_BITS]
        base = (now.input_address + (channel + moved * channels) * now.input_stride)[: feature_bits(CONFIG)]
        tap_base = (now.tap_address + tile * each)[: log2(CONFIG.tap_words)]
        tap_at = (tap_base + tap)[: log2(CONFIG.tap_words)]
        m.d.comb += [
            Assert(~layer | marker | (taps.address == tap_at)),
            Assert(taps.enable == advance),
        ]

        # The walk's lead.
        step = data.StructLayout(
            {
                "valid": 1,
                "marker": 1,
                "rewind": 1,
                "low": 1,
                "need": TURN_BITS,
                "base": feature_bits(CONFIG),
            }
        )
        lead = [Signal(step, name=f"lead{stage}") for stage in range(1, 4)]
        tap_word, row_word = Signal(TAP), Signal.like(unit.features.word)
        with m.If(advance):
            m.d.sync += [
                lead[0].eq(Cat(seen, marker, rewind, now.low, need, base)),
                lead[1].eq(lead[0]),
                lead[2].eq(lead[1]),
                tap_word.eq(self.tap),
                row_word.eq(lead[1].base + (tap_word.pixel >> log2(CONFIG.lanes))),
            ]
        with m.If(begin):
            m.d.sync += [at.valid.eq(0) for at in lead]
        for stage, at in enumerate(lead):
            flags = {"valid": at.valid, "marker": at.marker, "rewind": at.rewind}
            held = [getattr(probe, name)[stage] == value for name, value in flags.items()]
            held += [at.marker | (probe.low[stage] == at.low), at.marker | (probe.needs[stage] == at.need)]
            if stage < 2:
                held += [at.marker | (probe.bases[stage] == at.base)]
            m.d.comb += [Assert(held[0]), *(Assert(~at.valid | value) for value in held[1:])]
        following = lead[2]
        m.d.comb += Assert(~lead[1].valid | (probe.tap_word.as_value() == tap_word.as_value()))
        with m.If(following.valid & ~following.marker):
            m.d.comb += [
                Assert(unit.features.word == row_word),
                Assert(unit.features.next_word == (row_word + 1)[: len(row_word)]),
            ]

        # A row is issued in the cycle after its place became free and its channel was there, and not before.
        # No engine is further behind than the window has rows, and none goes back.
        done = Signal(TURN_BITS)
        issued, markers = Signal(row_bits(CONFIG)), Signal.like(probe.fetched)
        m.d.sync += [
            issued.eq(Mux(begin, 0, issued + issue)),
            markers.eq(Mux(begin, 0, markers + (seen & marker))),
            done.eq(self.turns_done),
        ]
        behind, were_behind = [], []
        begun = Signal()
        m.d.sync += begun.eq(begin)
        for number, at in enumerate(self.engine_row):
            was = Signal.like(at, name=f"was{number}")
            m.d.sync += was.eq(at)
            behind.append((issued - at)[: row_bits(CONFIG)])
            were_behind.append((issued - was)[: row_bits(CONFIG)])
        m.d.comb += [
            *(Assume(rows <= CONFIG.window) for rows in behind),
            *(Assume(begun | (now <= then)) for now, then in zip(behind, were_behind, strict=True)),
            Assert(advance == (~following.valid | issue)),
            Assert(
                issue
                == following.valid
                & Cat(rows < CONFIG.window for rows in were_behind).all()
                & (following.marker | (done >= following.need))
            ),
        ]
        turns = (markers * CONFIG.engines)[: len(markers)]
        m.d.comb += [
            Assert(unit.finished == (end & (turns == self.turns_done[: len(markers)]))),
            Assert(unit.illegal == illegal),
        ]

        # What is pushed.
        stages: list[Value] = [Cat(issue, following.marker, following.rewind)]
        for stage in range(1, latency.ROW_PUSH + 1):
            stages.append(Signal(3, name=f"passed{stage}"))
            m.d.sync += stages[stage].eq(stages[stage - 1])
        pushed, push_marker, push_rewind = stages[latency.ROW_PUSH]
        m.d.comb += [
            Assert(unit.push.valid == pushed),
            Assert(~pushed | (unit.push.marker == push_marker)),
            Assert(~(pushed & push_marker) | (unit.push.rewind == push_rewind)),
        ]

        # What the registers hold.
        holds = {"tap_base": tap_base}
        limits = {"round": now.rounds, "tile": now.tiles, "channel": now.channels, "tap": now.taps}
        places = {"round": jobs // tiles, "tile": tile, "channel": channel, "tap": tap}
        for name, place in places.items():
            holds |= {name: place + 1, f"before_last_{name}": limits[name] - 1}
            holds |= {f"last_{name}": place + 1 == limits[name], f"alone_{name}": limits[name] == 1}
        holds["tap_at"] = Mux(marker, tap_base + each, tap_at)[: log2(CONFIG.tap_words)]
        begins = moved * each_round
        waits = {"channel_base": base, "ready_turns": need, "ready_engine": turn % CONFIG.engines}
        waits |= {"ready_left": now.ready_channels - within, "round_engine": begins % CONFIG.engines}
        waits |= {"last_ready": within + 1 == now.ready_channels, "alone_ready": now.ready_channels == 1}
        # The instruction, with where its round begins.
        at_round = Signal(FRONT)
        m.d.comb += [
            at_round.eq(now),
            at_round.input_address.eq(now.input_address + moved * channels * now.input_stride),
            at_round.ready_first.eq(now.ready_first + begins + (begins // CONFIG.engines) * now.ready_step),
        ]
        with m.If(layer):
            m.d.comb += [
                Assert((rows <= channels * each) & (jobs < rounds * tiles)),
                *(Assert(size <= most) for size in (now.rounds, now.tiles, now.channels, now.taps)),
                *(Assert(size != 0) for size in (rounds, tiles, channels, each, now.ready_channels)),
                Assert(probe.walk["now"].as_value() == at_round.as_value()),
                *(Assert(probe.walk[name] == value) for name, value in holds.items()),
                *(Assert(probe.walk[name] == value) for name, value in waits.items()),
            ]
        at = {"decoding": decode, "on_row": layer & ~marker, "at_marker": layer & marker}
        m.d.comb += [Assert(probe.walk[name] == value) for name, value in at.items()]
        m.d.comb += [
            Assert(probe.row == issued),
            Assert(probe.following == (issued + 1)[: len(issued)]),
            Assert(probe.fetched == turns),
        ]
        return m


def _divided(number: Value, by: Value, most: int) -> tuple[Value, Value]:
    """Quotient and remainder of a number of at most `most`, by any number but zero."""
    table = [divmod(n, max(d, 1)) for d in range(most + 1) for n in range(most + 1)]
    small = by <= most
    place = Mux(small, by * (most + 1) + number, 0)
    return (
        Mux(small, Array(quotient for quotient, _ in table)[place], 0),
        Mux(small, Array(remainder for _, remainder in table)[place], number),
    )


@pytest.mark.parametrize("most", [MOST, pytest.param(3, marks=pytest.mark.long)])
def test_every_row_comes_once_and_in_order(most: int, tmp_path: Path) -> None:
    assert prove(Order(most=most), Mode.ALWAYS, DEPTH, tmp_path) == Verdict.PROVED


@pytest.mark.parametrize("faulty", ["lose", "twice", "overrun", "early"])
def test_a_unit_with_a_fault_is_found_out(faulty: str, tmp_path: Path) -> None:
    assert prove(Order(faulty), Mode.BOUNDED, 12, tmp_path) == Verdict.REFUTED
