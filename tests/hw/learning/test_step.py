"""Two engines with an update: gradients, the update, and sums with the codes that moved, in both streams."""

from dataclasses import replace
from random import Random
from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring

from golden.spec import formats, latency
from golden.spec.config import Config
from golden.spec.learning import seeded as lfsr_of
from golden.spec.memories import Memory, counter_record, place_record
from hw.learning.engine import LearningEngine
from hw.learning.update import UpdateUnit
from tests.hw.bench import NANO, load_state, load_words, seeded, simulate
from tests.hw.engines import add_gradients, gradients_of, random_codes, sums_of
from tests.hw.learning.updates import Entry, Numbers, State, Sums, twice, update
from tests.hw.streams import Work, random_work

CONFIG = replace(NANO, basis=4, engines=2, accumulator_bits=24, coefficient_words=64, learning=True)
ROUND = 32
"""Pairs of a range: each engine has its forward stream in the first one, the transposed one in the second."""


class Learners(wiring.Component):
    """Engines and their update; the bench drives everything else of the engines."""

    def __init__(self, config: Config) -> None:
        self.unit = UpdateUnit(config)
        self.engines = [LearningEngine(config, number) for number in range(config.engines)]
        super().__init__({})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.unit = self.unit
        for number, engine in enumerate(self.engines):
            m.submodules[f"engine{number}"] = engine
            wiring.connect(m, self.unit.engines[number], engine.entries)
        return m


def blocks_of(work: Work, entries: list[Entry]) -> Work:
    """The work with the codes of `entries`."""
    codes, blocks = iter(entries), []
    for block in work.entries:
        blocks.append([(next(codes).code, slot, advance) for _, slot, advance in block])
        if len(block) % 2:
            next(codes)
    return replace(work, entries=blocks)


def state_of(rng: Random, works: list[list[Work]]) -> State:
    """All entries of both streams of both engines; those of the first that are no END are kept."""
    state: State = []
    # Behind an END, and behind the blocks, stand others, which are none of a block.
    none = Entry(formats.CODE_ZERO)
    for streams in works:
        entries: list[Entry] = []
        for work in streams:
            for block in work.entries:
                entries += [Entry(code) for code, _, _ in block]
                entries += [none] * (len(block) % 2)
            entries += [none] * (-len(entries) % (2 * ROUND))
        state.append(entries)
    places = [
        (engine, number)
        for engine, entries in enumerate(state)
        for number in range(2 * ROUND, 4 * ROUND)
        if entries[number] is not none and entries[number].code != formats.CODE_END
    ]
    rng.shuffle(places)
    for entries in state:
        for entry in entries[: 2 * ROUND]:
            if entry is not none and entry.code != formats.CODE_END and places:
                entry.kept, entry.place = True, places.pop()
                state[entry.place[0]][entry.place[1]].code = entry.code
    return state


def loaded(state: State, works: list[list[Work]], number: int) -> dict[int, list[int]]:
    """Memory → words of an engine."""
    words: list[int] = []
    for part, work in enumerate(works[number]):
        words += blocks_of(work, state[number][2 * ROUND * part :]).words(CONFIG)
        words += [0] * (-len(words) % ROUND)
    counter, place = counter_record(), place_record(CONFIG)
    counters, places = [], []
    for entry in state[number]:
        engine, at = entry.place or (0, 0)
        counters.append(counter.pack(kept=entry.kept, counter=entry.counter))
        places.append(place.pack(engine=engine, entry=at, valid=entry.place is not None))
    return {
        Memory.COEFFICIENT: words,
        Memory.COUNTER: pairs(counters, counter.bits),
        Memory.PLACES: pairs(places, place.bits),
    }


def pairs(words: list[int], bits: int) -> list[int]:
    return [low | high << bits for low, high in zip(words[::2], words[1::2], strict=True)]


async def command(ctx: Any, dut: Learners, state: State, **values: int) -> None:
    shift = values.pop("shift")
    values = {"pair": 0, "pairs": ROUND, **values}
    ctx.set(dut.unit.command, values)
    ctx.set(dut.unit.shift, shift)
    ctx.set(dut.unit.start, 1)
    await ctx.tick()
    ctx.set(dut.unit.start, 0)
    await ctx.tick().repeat(latency.update(CONFIG.engines * 2 * ROUND, twice(state, values)) - 2)
    assert ctx.get(dut.unit.busy)
    await ctx.tick()
    assert not ctx.get(dut.unit.busy)


def test_steps_of_two_engines() -> None:
    rng = seeded(5)
    half = replace(CONFIG, coefficient_words=ROUND)
    works = [
        [random_work(rng, half, blocks=4, rows=10, density=0.9) for _ in range(2)]
        for _ in range(CONFIG.engines)
    ]
    state = state_of(rng, works)
    dut = Learners(CONFIG)
    numbers, moved = Numbers(lfsr_of(9)), 0

    async def bench(ctx: Any) -> None:
        nonlocal moved
        for number, engine in enumerate(dut.engines):
            for memory, words in loaded(state, works, number).items():
                await load_words(ctx, engine, CONFIG, memory + number, words)
        await command(ctx, dut, state, shift=-128, clear=1)
        await load_state(ctx, dut.unit.load, dut.unit.word, numbers.state)
        for shift in (-9, -7):
            for engine, streams, entries in zip(dut.engines, works, state, strict=True):
                codes = random_codes(rng, CONFIG, streams[0], CONFIG.accumulators)
                for entry, gradient in zip(entries, gradients_of(streams[0], codes, CONFIG), strict=False):
                    entry.gradient += gradient
                ctx.set(engine.gradient, 1)
                ctx.set(engine.block, 0)
                await add_gradients(ctx, engine, CONFIG, streams[0], codes, rng, 0, 0)
                ctx.set(engine.gradient, 0)
            values = {"pair": 0, "pairs": ROUND, "shift": shift, "clear": 1}
            await command(ctx, dut, state, **values)
            sums = update(state, values, numbers, Sums())
            assert Sums(ctx.get(dut.unit.sum), ctx.get(dut.unit.kept), ctx.get(dut.unit.moved)) == sums
            moved += sums.moved
            for engine, streams, entries in zip(dut.engines, works, state, strict=True):
                for part, work in enumerate(streams):
                    now = blocks_of(work, entries[2 * ROUND * part :])
                    ctx.set(engine.block, ROUND * part)
                    found, _ = await sums_of(ctx, engine, CONFIG, now, Random(1), 0, 0)
                    assert found == [now.sums(job, CONFIG) for job in range(len(now.jobs))]

    simulate(dut, bench)
    assert moved > 20
