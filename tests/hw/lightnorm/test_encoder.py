"""Encoder: blocks and flags bit for bit, one beat per cycle, over formats, lanes, groups and stalls."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from golden.lightnorm.blocks import encode
from golden.spec import block
from golden.spec.block import BlockFormat, Flag, GroupAxis, Rounding
from hw.lightnorm.encoder import Encoder
from tests.hw.bench import seeded
from tests.hw.lightnorm.drive import beats, masks, run_stream, seen, split_beats

FORMATS = {
    "light": block.light().forward,
    "truncate": block.light(4, Rounding.TRUNCATE).forward,
    "gradient": block.light().gradient,
    "wide": block.wide().forward,
    "mxint8": block.mxint8().forward,
}


def channel(rng: np.random.Generator, count: int, bits: int) -> np.ndarray:
    """Signed words of all sizes: powers of two, runs of ones, zeros, the ends of the range."""
    limit = (1 << (bits - 1)) - 1
    size = rng.integers(0, bits, count)
    values = rng.integers(-limit, limit + 1, count) >> size
    ones = (np.int64(1) << rng.integers(1, bits, count)) - rng.integers(0, 3, count)
    values = np.where(rng.random(count) < 0.25, ones, values)
    values = np.where(rng.random(count) < 0.2, 0, values)
    # Whole groups of small numbers beside others.
    values = np.where(np.repeat(rng.random(-(-count // 16)) < 0.3, 16)[:count], values >> (bits // 2), values)
    return np.clip(values, -limit, limit)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("lanes", [4, 8, 16])
@pytest.mark.parametrize("group", [4, 32])
@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_blocks(name: str, lanes: int, group: int, stall: float) -> None:
    rng = seeded(lanes)
    numbers = np.random.default_rng(lanes + group)
    fmt: BlockFormat = replace(FORMATS[name], group=group)
    bits = 24
    inputs: list[dict[str, Any]] = []
    right: list[dict[str, Any]] = []
    flags = []
    spread = [fmt.exponent_low - 4, fmt.exponent_low - bits, -bits // 2, fmt.exponent_high - bits + 4]
    for index, grid in enumerate(spread + spread):
        # Two groups and a bit; one channel fills its last beat.
        count = [2 * group + 5, group, 3][index % 3]
        values = channel(numbers, count, bits)
        spikes = numbers.random(count) < (0.3 if index % 2 else 0.0)
        grid = max(-500, min(500, grid))
        blocks, met = encode(values[None], np.array([[grid]]), fmt, GroupAxis.PIXELS, spikes[None])
        flags.append(met)
        quiet = split_beats(spikes.astype(int), lanes)
        for words, some, mask in zip(split_beats(values, lanes), quiet, masks(count, lanes), strict=True):
            loose = [w if mask >> i & 1 else rng.randint(-9, 9) for i, w in enumerate(words)]
            bit_mask = sum(bit << i for i, bit in enumerate(some))
            inputs.append({"words": loose, "grid": grid, "quiet": bit_mask, "mask": mask, "last": 0})
        inputs[-1]["last"] = 1
        right += beats(blocks, 0, lanes)
    results, cycles = run_stream(Encoder(fmt, bits, lanes), inputs, len(right), rng, stall)
    assert [seen(result.beat) for result in results] == right
    found, current = [], Flag.NONE
    for result in results:
        current |= Flag.OVERFLOW if int(result.overflow) else Flag.NONE
        current |= Flag.UNDERFLOW if int(result.underflow) else Flag.NONE
        if result.beat.last:
            found.append(current)
            current = Flag.NONE
    assert found == flags
    if not stall:
        # A group longer than a beat is there as a whole before its first beat leaves.
        wait = 4 if group <= lanes else 5 + group // lanes
        assert cycles <= len(inputs) + wait
        assert group > lanes or cycles == len(inputs) + wait
