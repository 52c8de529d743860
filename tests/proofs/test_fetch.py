"""The fetch unit reads every tile of every round of every layer once and in order, under any stalls.

Proved by induction, so for runs of any length, for any program of legal and illegal instructions whose
sizes are at most `MOST`, for any tap words, and for any answers of the engines and the drain: in
every cycle the instruction memory gives a word of free choice to the address that it was asked for.

`Order` is the statement of docs/machine.md, sections 2 and 6, on two counts: the rows of the job that
were issued, and the jobs of the layer that were. All else follows from them by division: a job is
channels × taps rows, then one marker; a layer is rounds × tiles jobs; the coefficients are rewound after
all but the last tile of a round; row n is that of channel n div taps and tap n mod taps. For the induction
it also says what the unit's registers hold. What the memories do with a word that was loaded, and the
bytes of a row, are tested in simulation (`tests.hw.test_fetch`).
"""

from pathlib import Path
from unittest import mock

import pytest
from amaranth.hdl import Array, Assert, Assume, Cat, Const, Fragment, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from golden.spec.config import Config
from golden.spec.memories import TURN_BITS, Operation, feature_bits, front_record, log2, tap_record
from hw import fetch
from hw.fetch import LATENCY, Fetch
from hw.layouts import layout
from hw.memory import LoadedMemory
from hw.window import row_bits
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
MOST = 3
"""Rounds, tiles, channels and taps of a layer. Channels of one turn may be as many as there is room for."""
FRONT, TAP = layout(front_record(CONFIG)), layout(tap_record(CONFIG))
DEPTH = LATENCY + 2
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

    def __init__(self, faulty: str | None = None) -> None:
        self._faulty = faulty
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
        unit = Fetch(CONFIG)
        FreeMemory.made = []
        with mock.patch.object(fetch, "LoadedMemory", FreeMemory):
            m.submodules.unit = inside = Fragment.get(unit, platform)
        instructions, taps = FreeMemory.made
        registers = {signal.name: signal for signal in inside.statements["sync"]._lhs_signals()}
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
        (issue,) = (signal for signal in inside.statements["comb"]._lhs_signals() if signal.name == "issue")
        seen = Signal()
        m.d.comb += seen.eq((issue & ~lose) | twice)

        # Where a run is.
        word = self.instruction
        begin, read, decode, layer, end, illegal = (
            Signal(name=name) for name in ("begin", "read", "decode", "layer", "end", "illegal")
        )
        idle = ~(read | decode | layer | end | illegal)
        m.d.comb += [begin.eq(self.start), Assume(~begin | idle | end)]
        sizes = [word.rounds, word.tiles, word.channels, word.taps, word.ready_channels]
        m.d.comb += Assume(Cat(size <= MOST for size in sizes[:-1]).all())
        legal = (word.operation == Operation.LAYER) & Cat(size != 0 for size in sizes).all()
        ends = word.operation == Operation.END
        final = Signal()
        m.d.sync += [
            read.eq(begin),
            decode.eq(read | final),
            layer.eq((decode & legal) | (layer & ~final)),
            end.eq((decode & ends) | (end & ~begin)),
            illegal.eq((decode & ~ends & ~legal) | illegal),
        ]
        states = {"IDLE": idle, "READ": read, "DECODE": decode, "ISSUE": layer}
        for state, here in (states | {"FINISHED": end, "ILLEGAL": illegal}).items():
            m.d.comb += Assert((registers["fsm_state"] == _state(registers["fsm_state"], state)) == here)

        # The n-th instruction that is taken is the n-th of the memory.
        layers = Signal(log2(CONFIG.instructions))
        asked = Signal.like(layers)
        m.d.sync += [layers.eq(Mux(begin, 0, layers + decode)), asked.eq(instructions.address)]
        m.d.comb += Assert(~(read | layer) | (registers["counter"] == layers))
        with m.If(decode):
            m.d.comb += Assert(asked == layers)

        # The two counts, and what follows from them.
        now = Signal(FRONT)
        rows, jobs = Signal(range(MOST**2 + 1)), Signal(range(MOST**2 + 1))
        rounds, tiles, channels, each = (
            size[: MOST.bit_length()] for size in (now.rounds, now.tiles, now.channels, now.taps)
        )
        marker, rewind = Signal(), Signal()
        m.d.comb += [
            marker.eq(rows == channels * each),
            rewind.eq((jobs + 1) % tiles != 0),
            final.eq(layer & seen & marker & (jobs + 1 == rounds * tiles)),
        ]
        with m.If(decode):
            m.d.sync += [now.eq(word), rows.eq(0), jobs.eq(0)]
        with m.Elif(seen):
            m.d.sync += [rows.eq(Mux(marker, 0, rows + 1)), jobs.eq(jobs + marker)]
        channel, tap, tile = rows // each, rows % each, jobs % tiles

        # A row comes as soon as its place is free and its channel is there, and not before.
        issued, markers = Signal(row_bits(CONFIG)), Signal.like(registers["fetched"])
        m.d.sync += [
            issued.eq(Mux(begin & (idle | end), 0, issued + seen)),
            markers.eq(Mux(begin, 0, markers + (seen & marker))),
        ]
        turn, within = _divided(channel, now.ready_channels)
        need = (now.ready_first + turn + (turn // CONFIG.engines) * now.ready_step)[:TURN_BITS]
        free = Cat((issued - at)[: row_bits(CONFIG)] < CONFIG.window for at in self.engine_row).all()
        m.d.comb += Assert(seen == (layer & free & (marker | (self.turns_done >= need))))
        turns = (markers * CONFIG.engines)[: len(markers)]
        m.d.comb += [
            Assert(unit.finished == (end & (turns == self.turns_done[: len(markers)]))),
            Assert(unit.illegal == illegal),
        ]

        # Where a row is read, and what is pushed.
        base = (now.input_address + channel * now.input_stride)[: feature_bits(CONFIG)]
        tap_base = (now.tap_address + tile * each)[: log2(CONFIG.tap_words)]
        with m.If(layer & ~marker):
            m.d.comb += Assert(taps.address == (tap_base + tap)[: log2(CONFIG.tap_words)])
        base1, word2 = Signal.like(unit.word), Signal.like(unit.word)
        m.d.sync += [base1.eq(base), word2.eq(base1 + (self.tap.pixel >> log2(CONFIG.lanes)))]
        stages: list[Value] = [Cat(seen, marker, rewind)]
        for stage in range(1, LATENCY + 1):
            stages.append(Signal(3, name=f"passed{stage}"))
            m.d.sync += stages[stage].eq(stages[stage - 1])
        with m.If(stages[2][0] & ~stages[2][1]):
            m.d.comb += [Assert(unit.word == word2), Assert(unit.next_word == (word2 + 1)[: len(word2)])]
        pushed, push_marker, push_rewind = stages[LATENCY]
        m.d.comb += [
            Assert(unit.push.valid == pushed),
            Assert(~pushed | (unit.push.marker == push_marker)),
            Assert(~(pushed & push_marker) | (unit.push.rewind == push_rewind)),
        ]

        # What the registers hold.
        holds = {"now": now.as_value(), "round_": jobs // tiles, "tile": tile, "tap_base": tap_base}
        holds |= {"channel": channel, "tap": tap, "at_marker": marker}
        waits = {"channel_base": base, "ready_turns": need, "ready_engine": turn % CONFIG.engines}
        waits |= {"ready_left": now.ready_channels - within}
        with m.If(layer):
            m.d.comb += [
                Assert((rows <= channels * each) & (jobs < rounds * tiles)),
                *(Assert(size <= MOST) for size in (now.rounds, now.tiles, now.channels, now.taps)),
                *(Assert(size != 0) for size in (rounds, tiles, channels, each, now.ready_channels)),
                *(Assert(registers[name] == value) for name, value in holds.items()),
                *(Assert(marker | (registers[name] == value)) for name, value in waits.items()),
            ]
        m.d.comb += [Assert(registers["row"] == issued), Assert(registers["fetched"] == turns)]
        return m


def _divided(number: Value, by: Value) -> tuple[Value, Value]:
    """Quotient and remainder of a number of at most `MOST`, by any number but zero."""
    table = [divmod(n, max(d, 1)) for d in range(MOST + 1) for n in range(MOST + 1)]
    small = by <= MOST
    place = Mux(small, by * (MOST + 1) + number, 0)
    return (
        Mux(small, Array(quotient for quotient, _ in table)[place], 0),
        Mux(small, Array(remainder for _, remainder in table)[place], number),
    )


def _state(signal: Signal, name: str) -> int:
    """The number of a state of a finite state machine."""
    return next(n for n in range(1 << len(signal)) if str(signal.decoder(n)).startswith(f"{name}/"))


def test_every_row_comes_once_and_in_order(tmp_path: Path) -> None:
    assert prove(Order(), Mode.ALWAYS, DEPTH, tmp_path) == Verdict.PROVED


@pytest.mark.parametrize("faulty", ["lose", "twice", "overrun", "early"])
def test_a_unit_with_a_fault_is_found_out(faulty: str, tmp_path: Path) -> None:
    assert prove(Order(faulty), Mode.BOUNDED, 8, tmp_path) == Verdict.REFUTED
