"""Rotator: every rotation of every width. Latency: one cycle."""

from typing import Any

import pytest

from hw.parts.rotate import Rotator
from tests.hw.bench import join, seeded, simulate


@pytest.mark.parametrize("lanes", [2, 4, 8, 16, 32, 64])
def test_every_rotation(lanes: int) -> None:
    rng = seeded(lanes)
    dut = Rotator(lanes)

    async def bench(ctx: Any) -> None:
        for rotation in range(lanes):
            # Different bytes, so that a wrong place cannot go unseen.
            values = rng.sample(range(256), lanes)
            ctx.set(dut.i, join(values, 8))
            ctx.set(dut.rotation, rotation)
            await ctx.tick()
            # What comes in now is not seen before the next edge.
            ctx.set(dut.i, 0)
            ctx.set(dut.rotation, rng.randrange(lanes))
            assert ctx.get(dut.o) == join(values[rotation:] + values[:rotation], 8)

    simulate(dut, bench)
