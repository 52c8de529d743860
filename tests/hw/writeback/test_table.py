"""Table: every entry of every table in each lane, a cycle after its index; zero lanes; no table."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from golden.graph.operations.lookup import looked_up
from golden.spec.config import TINY
from golden.spec.memories import TABLE_ENTRIES, Memory
from hw.writeback.table import Table
from tests.hw.bench import join, load_words, simulate, split


@pytest.mark.parametrize("tables", [1, 3])
def test_every_entry(tables: int) -> None:
    config = replace(TINY, tables=tables)
    rng = np.random.default_rng(tables)
    entries = rng.integers(-128, 128, (tables, TABLE_ENTRIES))
    dut = Table(config)

    async def bench(ctx: Any) -> None:
        await load_words(ctx, dut, config, Memory.TABLE, (entries.reshape(-1) & 0xFF).tolist())
        for number in range(tables + 1):
            ctx.set(dut.number, number)
            await ctx.tick().repeat(2)
            for _ in range(TABLE_ENTRIES):
                values = rng.integers(-128, 128, config.basis)
                zero = rng.random(config.basis) < 0.1
                ctx.set(dut.early, join(values.tolist(), 8))
                ctx.set(dut.zero, join(zero.astype(int).tolist(), 1))
                await ctx.tick()
                late = rng.integers(-128, 128, config.basis)
                ctx.set(dut.i, join(late.tolist(), 8))
                right = np.where(zero, 0, looked_up(entries[number - 1], values)) if number else late
                assert split(ctx.get(dut.o), 8, config.basis) == right.tolist()

    simulate(dut, bench)
