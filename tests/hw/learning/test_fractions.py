"""ValueRounder and AddendRounder: every fraction to its last bit, with what is left to be added."""

from typing import Any

import pytest

from golden.spec import maps
from golden.spec.latency import ROUND
from hw.learning.addend_rounder import BELOW, MOST, TOP, AddendRounder
from hw.learning.value_rounder import ValueRounder
from tests.hw.bench import seeded, simulate, some

LANES = 4


async def fractions(ctx: Any, dut: Any, beats: list[list[int]], distances: list[int]) -> list[list[int]]:
    """A beat a cycle; sums of both outputs. distances: by beat, of `dut.down`, if it has one."""
    found = []
    for cycle in range(len(beats) + ROUND):
        if cycle >= ROUND:
            ups = ctx.get(dut.up)
            found.append([ctx.get(dut.o[lane]) + (ups >> lane & 1) for lane in range(LANES)])
        if cycle < len(beats):
            ctx.set(dut.i, beats[cycle])
            if distances:
                ctx.set(dut.down, distances[cycle])
        await ctx.tick()
    return found


def test_all_bytes_at_all_places() -> None:
    dut = AddendRounder(LANES)
    bytes_ = [list(range(first, first + LANES)) for first in range(-128, 128, LANES)]

    async def bench(ctx: Any) -> None:
        for places in range(MOST + 1):
            ctx.set(dut.places, places)
            ctx.set(dut.on, 1)
            right = [[maps.fraction(byte, places - BELOW) for byte in row] for row in bytes_]
            assert await fractions(ctx, dut, bytes_, []) == right, places
        ctx.set(dut.on, 0)
        assert await fractions(ctx, dut, bytes_, []) == [[0] * LANES] * len(bytes_)

    simulate(dut, bench)


@pytest.mark.parametrize("bits", [23, 27, 32])
def test_values(bits: int) -> None:
    """Ends, ties and what is beside them, small ones, any, at every distance, which goes with its beat."""
    rng, limit = seeded(bits), 1 << bits - 1
    dut = ValueRounder(LANES, bits)

    def a_value(down: int) -> int:
        # In units of half of the last bit that stays: beside a tie, an end, or 0.
        half = max(0, down - TOP - 1)
        wanted = rng.choice([0, 1, rng.randrange(64), limit >> half, 1 << min(bits - 1, max(0, down))])
        near = (wanted << half) + rng.randint(-1, 1)
        return max(-limit, min(limit - 1, rng.choice([near, -near, some(rng, -limit, limit - 1)])))

    async def bench(ctx: Any) -> None:
        distances = [down for down in range(bits + TOP + 1) for _ in range(12)]
        rng.shuffle(distances)
        beats = [[a_value(down) for _ in range(LANES)] for down in distances]
        right = [
            [maps.fraction(value, TOP - down) for value in row]
            for row, down in zip(beats, distances, strict=True)
        ]
        assert await fractions(ctx, dut, beats, distances) == right

    simulate(dut, bench)
