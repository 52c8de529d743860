"""UpdateUnit: every entry against the rules of docs/learning.md, section 9, in fractions.

Latency: `latency.update(entries, twice)` cycles, whatever the numbers are.
"""

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from golden.spec import formats, latency
from golden.spec.commands import SHIFT_BITS
from golden.spec.learning import seeded as lfsr_of
from golden.spec.memories import COUNTER_BITS
from hw.learning.update import UpdateUnit
from tests.hw.bench import NANO, load_state, seeded, simulate, some
from tests.hw.learning.updates import BAR, Entry, Numbers, State, Sums, twice, update

CONFIG = replace(NANO, basis=4, engines=3, coefficient_words=32, learning=True)
ENTRIES = 2 * CONFIG.coefficient_words


def random_state(rng: Random) -> State:
    """Blocks with END in the lower half of each engine's memory, transposed codes anywhere in the upper."""
    codes = range(formats.CODE_END)
    state = [[Entry(rng.choice(codes)) for _ in range(ENTRIES)] for _ in range(CONFIG.engines)]
    places = [(e, n) for e in range(CONFIG.engines) for n in range(ENTRIES // 2, ENTRIES)]
    rng.shuffle(places)
    for entries in state:
        for entry in entries[: ENTRIES // 2]:
            entry.counter = some(rng, 1 - BAR, BAR - 1)
            if rng.random() < 0.15:
                entry.code = formats.CODE_END
            elif rng.random() < 0.7:
                entry.kept = True
                if rng.random() < 0.9:
                    engine, number = entry.place = places.pop()
                    state[engine][number].code = entry.code
            # What is not kept may point anywhere: nothing is written there.
            elif rng.random() < 0.5:
                entry.place = rng.choice(places)
    return state


def add_gradients(rng: Random, *states: State) -> None:
    """The same in all states, of any size."""
    for entries in zip(*states, strict=True):
        for same in zip(*(it[: ENTRIES // 2] for it in entries), strict=True):
            size = rng.randint(0, 31)
            gradient = rng.choice([0, *[some(rng, -(1 << size), (1 << size) - 1)] * 4])
            for entry in same:
                entry.gradient = gradient


def answer(ctx: Any, port: Any, entries: list[Entry], number: int | None) -> None:
    """What an engine says of an entry; of none, anything."""
    entry = entries[number] if number is not None else Entry(1, True, 3, 1 << 30, (0, 0))
    place, at = entry.place is not None, entry.place or (0, 0)
    ctx.set(port.code, entry.code)
    ctx.set(port.kept, entry.kept)
    ctx.set(port.counter, entry.counter)
    ctx.set(port.gradient, entry.gradient)
    ctx.set(port.place, {"valid": place, "engine": at[0], "entry": at[1]})


async def run(ctx: Any, dut: UpdateUnit, state: State, command: dict[str, int]) -> int:
    """A command on engines that hold `state`; cycles from the start until it is not busy."""
    ctx.set(dut.command, {name: value for name, value in command.items() if name != "shift"})
    ctx.set(dut.shift, command["shift"])
    ctx.set(dut.start, 1)
    await ctx.tick()
    ctx.set(dut.start, 0)
    for cycle in range(1, 2000):
        if not ctx.get(dut.busy):
            return cycle
        looks: list[int | None] = []
        for port, entries in zip(dut.engines, state, strict=True):
            looks.append(ctx.get(port.entry) if ctx.get(port.look) else None)
            entry = entries[ctx.get(port.put_entry)]
            if ctx.get(port.put_code):
                entry.code = ctx.get(port.new_code)
            if ctx.get(port.put_counter):
                assert entry.kept
                entry.counter, entry.gradient = ctx.get(port.new_counter), 0
        assert sum(look is not None for look in looks) <= 1
        await ctx.tick()
        for port, entries, look in zip(dut.engines, state, looks, strict=True):
            answer(ctx, port, entries, look)
    raise AssertionError("still busy")


SHIFTS = [-128, -50, -49, -48, -47, -33, -20, -18, -17, -16, -9, -3, 0, 2, 3, 4, 5, 60, 127]
"""All moves round to zero at one end, all saturate at the other; odd gradients are ties at −17."""


@pytest.mark.parametrize("seed", range(4))
def test_states_after_updates(seed: int) -> None:
    """A few commands one after the other on the same state; the transposed stream stays equal."""
    rng = seeded(seed)
    dut = UpdateUnit(CONFIG)
    commands = [
        {
            "pair": (first := rng.choice([0, 3, 8])),
            "pairs": rng.randint(1, CONFIG.coefficient_words // 2 - first),
            "shift": shift,
            "clear": int(number == 0 or rng.random() < 0.5),
        }
        for number, shift in enumerate(rng.sample(SHIFTS, 8))
    ]

    async def bench(ctx: Any) -> None:
        start = lfsr_of(seed)
        await load_state(ctx, dut.load, dut.word, start)
        numbers, sums = Numbers(start), Sums()
        found, right = random_state(Random(seed)), random_state(Random(seed))
        for command in commands:
            add_gradients(rng, found, right)
            sums = update(right, command, numbers, sums)
            cycles = await run(ctx, dut, found, command)
            assert found == right
            assert cycles == latency.update(CONFIG.engines * 2 * command["pairs"], twice(right, command))
            assert Sums(ctx.get(dut.sum), ctx.get(dut.kept), ctx.get(dut.moved)) == sums
            for entry in (entry for entries in found for entry in entries):
                if entry.kept and entry.place:
                    assert found[entry.place[0]][entry.place[1]].code == entry.code

    simulate(dut, bench)


def test_the_command_holds_what_a_step_can_ask_for() -> None:
    """3 + L + u − g with all of them at their ends: docs/learning.md, sections 4 and 9; −128 means something
    else."""
    from golden.learning.update import CODE_RATES
    from golden.spec.learning import ACTIVATION_EXPONENTS, ERROR_EXPONENTS, GRADIENT_EXPONENTS

    for end in range(2):
        unit = ACTIVATION_EXPONENTS[end] + ERROR_EXPONENTS[end] + 1
        assert (
            -(1 << SHIFT_BITS - 1)
            < COUNTER_BITS - 1 + CODE_RATES[end] + unit - GRADIENT_EXPONENTS[1 - end]
            < 1 << SHIFT_BITS - 1
        )
