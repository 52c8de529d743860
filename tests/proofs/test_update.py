"""The update never writes an entry that is not kept, and writes a code that moves in both of its places.

Proved by induction, so for commands of any length, one after the other, whatever the engines say of their
entries. One entry of one engine, of free choice, is watched. What memories do with what is written is tested
in simulation (`tests.hw.learning.test_engine`), and so are the numbers (`tests.hw.learning.test_update`).
"""

from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import Array, Assert, Assume, Const, Module, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In

from golden.spec import formats, latency
from golden.spec.commands import update_record
from golden.spec.config import Config
from golden.spec.learning import GRADIENT_BITS
from golden.spec.memories import COUNTER_BITS, place_record
from hw.learning.update import UpdateUnit
from hw.parts.layouts import layout
from tests.proofs.prover import Mode, Verdict, prove

CONFIG = Config(
    name="proof",
    engines=2,
    lanes=4,
    accumulators=4,
    basis=4,
    window=8,
    feature_words=16,
    coefficient_words=4,
    tap_words=4,
    term_words=4,
    filter_words=4,
    instructions=4,
    learning=True,
)
DEPTH = latency.update(1, 1) + 1
"""Cycles until nothing of an arbitrary state is left between the look at an entry and its write."""
PLACE = layout(place_record(CONFIG))
ENTRY = data.StructLayout(
    {
        "code": formats.CODE_BITS,
        "kept": 1,
        "counter": signed(COUNTER_BITS),
        "gradient": signed(GRADIENT_BITS),
        "place": PLACE,
    }
)
"""What an engine says of an entry."""


class Watched(wiring.Component):
    """An update whose commands and engines are of free choice, and one entry.

    start, command: In, a command, where one may come.  says: In, what each engine says in this cycle.
    watched, twin: In, places: the entry, and for `Twice` where it stands again; they stay as they are.
    fault: In, with `faulty` the unit does not heed: "kept", that an entry is not; "place", that it has none;
    "twice", that a place is to be written.
    """

    def __init__(self, faulty: str | None = None) -> None:
        self._faulty = faulty
        super().__init__(
            {
                "start": In(1),
                "command": In(layout(update_record(CONFIG))),
                "says": In(ENTRY).array(CONFIG.engines),
                "watched": In(PLACE),
                "twin": In(PLACE),
                "fault": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.unit = unit = UpdateUnit(CONFIG)
        kept, place, twice = (
            self.fault if self._faulty == name else Const(0) for name in ("kept", "place", "twice")
        )
        m.d.comb += [
            unit.start.eq(self.start),
            unit.command.eq(self.command),
            Assume(~self.start | ~unit.busy),
        ]
        m.d.comb += Assume(self.watched.engine < CONFIG.engines)
        for port, says in zip(unit.engines, self.says, strict=True):
            m.d.comb += [
                port.code.eq(says.code),
                port.kept.eq(says.kept | kept),
                port.counter.eq(says.counter),
                port.gradient.eq(says.gradient),
                port.place.engine.eq(says.place.engine),
                port.place.entry.eq(says.place.entry),
                port.place.valid.eq((says.place.valid | place) & ~twice),
            ]
        begun = Signal()
        m.d.sync += begun.eq(1)
        for name in ("watched", "twin"):
            now = getattr(self, name)
            was = Signal.like(now, name=f"was_{name}")
            m.d.sync += was.eq(now)
            m.d.comb += Assume(~begun | (now.as_value() == was.as_value()))
        self._state(m, unit)
        return m

    def _state(self, m: Module, unit: Any) -> None:
        """Nothing writes an entry that is not kept, if no kept entry has it as its place."""
        for number, says in enumerate(self.says):
            asked = self._asked(m, unit, number, self.watched)
            m.d.comb += [
                Assume(~asked | ~says.kept),
                Assume(~(says.kept & says.place.valid) | ~_same(says.place, self.watched)),
            ]
        code, counter, _ = self._written(unit, self.watched)
        m.d.comb += Assert(~(code | counter))

    def _asked(self, m: Module, unit: Any, number: int, place: Any) -> Value:
        """Whether an engine speaks of an entry in this cycle."""
        port = unit.engines[number]
        asked = Signal()
        m.d.sync += asked.eq(port.look & (place.engine == number) & (port.entry == place.entry))
        return asked

    def _written(self, unit: Any, place: Any) -> tuple[Value, Value, Value]:
        """Whether code and counter of an entry are written in this cycle; the code."""
        ports = unit.engines
        here = Array(port.put_entry for port in ports)[place.engine] == place.entry
        code, counter = (
            Array(getattr(port, name) for port in ports)[place.engine] & here
            for name in ("put_code", "put_counter")
        )
        return code, counter, Array(port.new_code for port in ports)[place.engine]


class Twice(Watched):
    """The watched entry is kept and stands again in the place `twin`, which no other one has."""

    def _state(self, m: Module, unit: Any) -> None:
        """Its code is written there with its own, or in the same engine in the cycle after, and only then."""
        m.d.comb += [Assume(self.twin.engine < CONFIG.engines), Assume(~_same(self.twin, self.watched))]
        for number, says in enumerate(self.says):
            points = says.kept & says.place.valid
            asked = self._asked(m, unit, number, self.watched)
            m.d.comb += [
                Assume(~asked | (points & _same(says.place, self.twin))),
                Assume(asked | ~points | ~_same(says.place, self.twin)),
                Assume(~points | ~_same(says.place, self.watched)),
                Assume(~self._asked(m, unit, number, self.twin) | ~says.kept),
                Assume(~says.kept | (says.code != formats.CODE_END)),
            ]
        own, _, own_code = self._written(unit, self.watched)
        other, _, other_code = self._written(unit, self.twin)
        before, code_before = Signal(), Signal(formats.CODE_BITS)
        m.d.sync += [before.eq(own), code_before.eq(own_code)]
        with m.If(self.twin.engine == self.watched.engine):
            m.d.comb += [Assert(other == before), Assert(~before | (other_code == code_before))]
        with m.Else():
            m.d.comb += [Assert(other == own), Assert(~own | (other_code == own_code))]


def _same(one: Any, other: Any) -> Value:
    return (one.engine == other.engine) & (one.entry == other.entry)


@pytest.mark.parametrize("setting", [Watched, Twice])
def test_what_is_written(setting: type[Watched], tmp_path: Path) -> None:
    assert prove(setting(), Mode.ALWAYS, DEPTH, tmp_path) == Verdict.PROVED


@pytest.mark.parametrize(
    ("setting", "faulty"), [(Watched, "kept"), (Watched, "place"), (Twice, "place"), (Twice, "twice")]
)
def test_a_unit_with_a_fault_is_found_out(setting: type[Watched], faulty: str, tmp_path: Path) -> None:
    assert prove(setting(faulty), Mode.BOUNDED, 12, tmp_path) == Verdict.REFUTED
