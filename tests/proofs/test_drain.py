"""The drain loses no tile and does none twice, however long the engines take.

The statement is docs/machine.md, sections 2, 3 and 5: `steps` lists in plain loops what the drain has
to do for a layer, in order. Proved: whatever the engines do, the n-th thing that the drain does is
the n-th of the list, it does it as soon as the engine's bank is full, and not before. So each comes
once. The proof is by induction over cycles, for stalls of any length and number; for that the list also
says what the registers of the walk hold before it shows each step, which is one step ahead. The layers
together have all folds, every group, engines with few filters and with none, several rounds and tiles.
That the drain finishes after its last step, and waits for memory ports, is tested in simulation
(`tests.hw.writeback.test_drain`).
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from amaranth.hdl import Array, Assert, Cat, Fragment, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from golden.spec.config import Config
from golden.spec.memories import Fold, Memory, Operation, back_record
from hw.writeback.drain import Drain
from tests.proofs.prover import Mode, Verdict, prove
from tests.selection import first_or_long

CONFIG = Config(
    name="proof",
    engines=2,
    lanes=2,
    accumulators=4,
    basis=1,
    window=8,
    feature_words=32,
    coefficient_words=4,
    tap_words=4,
    term_words=4,
    filter_words=4,
    instructions=4,
)
SLICES = CONFIG.lanes // CONFIG.basis
TOKEN = ("first", "last", "column", "slice", "address", "tail", "pool_index", "pool_first", "pool_last")
START = 5
"""Cycle of the last step before the layer: load, start, read, decode, begin, first."""


def layer(fold: Fold, group: int, **fields: int) -> dict[str, int]:
    """A back word; what is not said is 1 or 0, or does not matter to the order."""
    values = {field.name: 0 for field in back_record(CONFIG).fields}
    values |= {"operation": Operation.LAYER, "fold": fold, "group": group, "row_width": 1, "plane_tiles": 2}
    return values | {"last_lanes": CONFIG.lanes, "output_address": 5, "output_stride": 3} | fields


LAYERS = {
    "scale, two rounds": layer(Fold.GROUP, 1, rounds=2, tiles=3, filters=3, engine_filters=1),
    "scale, an engine without filters": layer(Fold.GROUP, 1, rounds=1, tiles=4, filters=4, engine_filters=4),
    "groups of two, three rounds": layer(Fold.GROUP, 2, rounds=3, tiles=2, filters=11, engine_filters=2),
    "groups of three": layer(Fold.GROUP, 3, rounds=2, tiles=2, filters=8, engine_filters=3),
    "groups of four": layer(Fold.GROUP, 4, rounds=2, tiles=1, filters=13, engine_filters=4, pool=1),
    "columns": layer(Fold.COLUMN, 1, rounds=2, tiles=2, filters=3, engine_filters=1),
    "largest of two": layer(Fold.LARGEST, 2, rounds=2, tiles=2, filters=7, engine_filters=2),
}


def steps(back: dict[str, int]) -> Iterator[tuple[dict[str, int], dict[str, int]]]:
    """What the drain does for a layer: (what it shows, what the walk's registers hold), in order.

    An engine without filters takes one step, which shows only its engine, bank and the end of its turn.
    """
    each = 9 if back["fold"] == Fold.COLUMN else back["group"]
    share, tiles = back["engine_filters"], back["tiles"]
    counts = {"round": "rounds", "tile": "tiles", "plane_tile": "plane_tiles", "member": "engine_filters"}
    bits = {field.name: field.bits for field in back_record(CONFIG).fields}
    limits = {f"alone_{name}": int(back[count] == 1) for name, count in counts.items()}
    limits |= {
        f"before_last_{name}": (back[count] - 2) % (1 << bits[count]) for name, count in counts.items()
    }
    room = share * CONFIG.engines
    job = 0

    def word(filter_: int) -> int:
        return (back["output_address"] + filter_ * back["output_stride"]) % CONFIG.feature_words

    def left(prefix: str, number: int) -> dict[str, int]:
        return {f"{prefix}left": number, f"{prefix}empty": number == 0, f"{prefix}one": number == 1}

    def ends(place: int, k: int, q: int) -> dict[str, int]:
        columns = back["fold"] == Fold.COLUMN
        last_k, last_q = k == (2 if columns else each - 1), q == 2 or not columns
        flags: dict[str, int] = {"last_k": last_k, "last_q": last_q, "last_term": last_k and last_q}
        return flags | {"last_slice": place == SLICES - 1}

    for round_ in range(back["rounds"]):
        for tile in range(tiles):
            for engine in range(CONFIG.engines):
                turn = {"engine": engine, "bank": job % 2}
                where = {"round": round_, "tile": tile, "plane_tile": tile % back["plane_tiles"]}
                where |= {"last_round": round_ == back["rounds"] - 1, "last_tile": tile == tiles - 1}
                where |= {"last_plane_tile": where["plane_tile"] == back["plane_tiles"] - 1}
                where |= {"last_engine": engine == CONFIG.engines - 1} | limits
                where |= turn | {
                    **left("round_", back["filters"] - round_ * room),
                    "round_word": word(round_ * room),
                    # Registers of the one before are used up.
                    **dict.fromkeys(("member", "slice", "k", "q", "in_group", "group_slot"), 0),
                    **ends(0, 0, 0),
                }
                first = round_ * room + engine * share
                members = range(first, min(first + share, back["filters"]))
                if not members:
                    done = left("", 0) | {
                        "last_member": share == 1,
                        "pool_index": back["filters"] - round_ * room,
                    }
                    yield turn | {"empty": 1, "turn_end": 1}, where | done | {"word": word(back["filters"])}
                for filter_ in members:
                    j = filter_ - first
                    group = j // each if back["fold"] == Fold.GROUP else j
                    size = 3 if back["fold"] == Fold.COLUMN else each
                    for place in range(SLICES):
                        for term in range(each):
                            k, q = divmod(term, 3) if back["fold"] == Fold.COLUMN else (term, 0)
                            last = term == each - 1
                            shows = {
                                "empty": 0,
                                "turn_end": int(last and place == SLICES - 1 and filter_ == members[-1]),
                                "slot": group * size + k,
                                "first": int(term == 0),
                                "last": int(last),
                                "column": q if back["fold"] == Fold.COLUMN else 1,
                                "slice": place,
                                "address": (word(filter_) + tile) % CONFIG.feature_words,
                                "tail": int(tile % back["plane_tiles"] == back["plane_tiles"] - 1),
                                "pool_index": engine * share + j,
                                "pool_first": int(tile == 0 and place == 0),
                                "pool_last": int(tile == tiles - 1 and place == SLICES - 1),
                            }
                            holds = where | left("", back["filters"] - filter_) | {"slice": place}
                            holds |= {"member": j, "last_member": j == share - 1}
                            holds |= ends(place, k, q) | {"k": k, "q": q, "group_slot": group * size}
                            holds |= {"word": word(filter_), "pool_index": shows["pool_index"]}
                            holds["in_group"] = j % each if back["fold"] == Fold.GROUP else 0
                            yield turn | shows, holds
            job += 1


class Layer(wiring.Component):
    """A drain with one layer to do, and engines of free speed.

    finish: In, per engine, the bank that it fills is full from now on.
    fault: In, with `faulty`, a fault happens now: "lose", a term is not seen; "early", the drain takes
    a bank that is not full.
    """

    finish: Signal
    fault: Signal

    def __init__(self, back: dict[str, int], faulty: str | None = None) -> None:
        self._back, self._faulty = back, faulty
        super().__init__({"finish": In(CONFIG.engines), "fault": In(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        drain = Drain(CONFIG)
        m.submodules.drain = Fragment.get(drain, platform)
        # Cycle 0: the instruction is loaded. Cycle 1: start.
        cycle = Signal(range(START + 2))
        with m.If(cycle <= START):
            m.d.sync += cycle.eq(cycle + 1)
        word = back_record(CONFIG).pack(**self._back)
        m.d.comb += [
            drain.load.valid.eq(cycle == 0),
            drain.load.memory.eq(Memory.BACK),
            drain.load.data.eq(word),
            drain.start.eq(cycle == 1),
        ]
        # Banks of an engine fill in turn; each as late as it likes, then it stands until released.
        full = Signal(2 * CONFIG.engines)
        for engine in range(CONFIG.engines):
            banks, bank = full.word_select(engine, 2), Signal(name=f"bank{engine}")
            ends = Signal(name=f"ends{engine}")
            early = self.fault if self._faulty == "early" else 0
            m.d.comb += [
                ends.eq(self.finish[engine] & ~banks.bit_select(bank, 1)),
                drain.engines[engine].full.eq(banks | early),
            ]
            m.d.sync += [
                banks.eq((banks | (ends << bank)) & ~drain.engines[engine].release),
                bank.eq(bank ^ ends),
            ]

        # The drain looks a cycle ahead, so it takes a bank in the cycle after it was filled.
        was = Signal.like(full)
        m.d.sync += was.eq(full)

        listed = list(steps(self._back))
        count = Signal(range(len(listed) + 1))
        with m.If((cycle > START) & (count < len(listed))):
            self._statement(m, drain, was, count)
            m.d.comb += Assert(drain.layer.as_value() == word)
        m.d.comb += [Assert(cycle <= START + 1), Assert(count <= len(listed))]
        return m

    def _statement(self, m: Module, drain: Drain, was: Signal, count: Signal) -> None:
        listed = list(steps(self._back))
        names = {name for shown, _ in listed for name in shown}
        shows = {name: Array(shown.get(name, 0) for shown, _ in listed)[count] for name in sorted(names)}
        following = [held for _, held in listed[1:]]
        term = shows["empty"] == 0
        last = count == len(listed) - 1
        done = Signal()
        lost = Signal()
        m.d.comb += lost.eq(self.fault if self._faulty == "lose" else 0)
        m.d.comb += done.eq(was.bit_select(Cat(shows["bank"], shows["engine"]), 1))
        m.d.sync += count.eq(count + (done & ~lost))
        step = drain.probe.walk.step
        m.d.comb += [
            Assert(drain.terms.token.valid == (done & term)),
            *(Assert(port.bank == shows["bank"]) for port in drain.engines),
            Assert(step.engine == shows["engine"]),
            Assert(step.empty == ~term),
            Assert(step.turn_end == shows["turn_end"]),
            Assert(step.layer_end == last),
            Assert(drain.probe.draining),
        ]
        with m.If(~last):
            for name in following[0]:
                m.d.comb += Assert(
                    drain.probe.walk.probe[name] == Array(held[name] for held in following)[count]
                )
        ends = done & (shows["turn_end"] == 1)
        for engine in range(CONFIG.engines):
            m.d.comb += Assert(
                drain.engines[engine].release == ((ends & (shows["engine"] == engine)) << shows["bank"])
            )
        with m.If(term):
            m.d.comb += [Assert(port.slot == shows["slot"]) for port in drain.engines]
            m.d.comb += [Assert(drain.terms.token[name] == shows[name]) for name in TOKEN]


ON_EVERY_CHANGE = ("scale, an engine without filters", "groups of three", "columns", "largest of two")


@pytest.mark.parametrize(
    "name", first_or_long(sorted(LAYERS, key=lambda name: name not in ON_EVERY_CHANGE), len(ON_EVERY_CHANGE))
)
def test_every_term_comes_once_and_in_order(name: str, tmp_path: Path) -> None:
    assert prove(Layer(LAYERS[name]), Mode.ALWAYS, START + 3, tmp_path) == Verdict.PROVED


@pytest.mark.parametrize("faulty", ["lose", "early"])
def test_a_drain_with_a_fault_is_found_out(faulty: str, tmp_path: Path) -> None:
    back = LAYERS["scale, an engine without filters"]
    assert prove(Layer(back, faulty), Mode.BOUNDED, 10, tmp_path) == Verdict.REFUTED
