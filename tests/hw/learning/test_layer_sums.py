"""LayerSums: statistics of blocks that come from each channel in turn, as close together as they can be."""

from typing import Any

import numpy as np
import pytest

from golden.lightnorm.unit import chunk_slices
from golden.spec import block
from golden.spec.config import Config
from golden.spec.memories import log2
from hw.learning.layer_sums import LayerSums
from tests.hw.bench import seeded, simulate
from tests.hw.learning.layers import block_words, random_blocks
from tests.hw.learning.written import write_blocks

LAYERS = ((5, 9), (2, 1), (1, 12), (7, 17))
"""Channels, values in units of the longest word: one chunk, several, a rest that joins the last one."""


@pytest.mark.parametrize(("lanes", "basis"), [(4, 4), (8, 4), (16, 4), (32, 16)])
def test_statistics(lanes: int, basis: int) -> None:
    rng = seeded(lanes)
    config = Config(
        name="sums", engines=2, lanes=lanes, accumulators=4, basis=basis, feature_words=256, filter_words=16
    )
    dut = LayerSums(config)

    async def bench(ctx: Any) -> None:
        for number, (channels, long_words) in enumerate(LAYERS):
            words = long_words * max(1, 16 // lanes)
            values = words * lanes
            x = random_blocks(np.random.default_rng(number), channels, values)
            split = block.constants(values).chunks
            fields = {
                "parameter_address": rng.randint(0, config.filter_words - channels),
                "chunk_beats": split.length // basis,
                "chunks": split.count,
            }
            rows = block_words(x, lanes)
            by_channel = [rows[row * words :][:words] for row in range(channels)]
            await write_blocks(ctx, dut.written, config, rng, fields, by_channel)
            ctx.set(dut.first, fields["parameter_address"])
            ctx.set(dut.channels, channels)
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            for row in x.integers():
                while True:
                    ready = rng.random() < 0.5
                    ctx.set(dut.o.ready, ready)
                    _, _, valid, found = await ctx.tick().sample(dut.o.valid, dut.o.payload)
                    if valid and ready:
                        break
                stat = found.sums.stat
                ranges = sum(max(row[part]) - min(row[part]) for part in chunk_slices(split))
                assert not found.backward
                assert (stat.total, stat.ranges, stat.width) == (sum(row), ranges, max(row) - min(row))
            ctx.set(dut.o.ready, 1)
            for _ in range(4):
                _, _, valid = await ctx.tick().sample(dut.o.valid)
                assert not valid, "one more than there are channels"

    assert len(dut.written.channel) == log2(config.engines * config.accumulators)
    simulate(dut, bench)
