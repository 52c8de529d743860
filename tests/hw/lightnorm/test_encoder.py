"""Encoder: blocks and flags bit for bit, one beat per cycle, over formats, lanes, groups and stalls."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from golden.lightnorm.blocks import encode
from golden.spec import block
from golden.spec.block import Flag, GroupAxis, Rounding, Spikes
from hw.lightnorm.encoder import Encoder
from hw.lightnorm.layouts import result_bits
from sim.lightnorm.beats import as_bits, joint_beats, joint_seen, masks, split_beats
from tests.hw.bench import seeded
from tests.hw.lightnorm.drive import run_stream

FORMATS = {
    "light": (block.light(), 4, 4),
    "truncate": (block.light(4, Rounding.TRUNCATE), 4, 4),
    "mixed": (replace(block.light(), gradient=block.light(4, Rounding.TRUNCATE).gradient), 8, 2),
    "long": (block.wide(), 4, 32),
    "mxint8": (block.mxint8(), 32, 32),
}
"""Formats, and groups of both directions."""


def channel(rng: np.random.Generator, count: int, bits: int) -> np.ndarray:
    """Signed words of all sizes: powers of two, runs of ones, zeros, the ends of the range."""
    limit = (1 << (bits - 1)) - 1
    size = rng.integers(0, bits, count)
    values = rng.integers(-limit, limit + 1, count) >> size
    ones = (np.int64(1) << rng.integers(0, bits, count)) - rng.integers(0, 3, count)
    values = np.where(rng.random(count) < 0.25, ones * rng.choice([1, -1], count), values)
    values = np.where(rng.random(count) < 0.2, 0, values)
    # Whole groups of small numbers beside others.
    values = np.where(np.repeat(rng.random(-(-count // 16)) < 0.3, 16)[:count], values >> (bits // 2), values)
    return np.clip(values, -limit, limit)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    ("lanes", "spikes", "stall"),
    [
        (4, Spikes.CLIP, 0.4),
        (8, Spikes.CLIP, 0.0),
        (8, Spikes.BLOCK, 0.4),
        (16, Spikes.BLOCK, 0.0),
    ],
)
def test_blocks(name: str, lanes: int, spikes: Spikes, stall: float) -> None:
    rng = seeded(lanes)
    numbers = np.random.default_rng(lanes)
    both, *sizes = FORMATS[name]
    fmt = replace(
        both,
        forward=replace(both.forward, group=sizes[0]),
        gradient=replace(both.gradient, group=sizes[1]),
        window=12,
        gradient_window=12,
        scale=10,
        spike=1,
    )
    bits = result_bits(fmt)
    inputs: list[dict[str, Any]] = []
    right: list[dict[str, Any]] = []
    flags = []
    for index in range(16):
        backward = index // 2 % 2
        one = fmt.gradient if backward else fmt.forward
        spread = [one.exponent_low - 4, one.exponent_low - bits, -bits // 2, one.exponent_high - bits + 4]
        grid = max(-500, min(500, spread[index // 4]))
        # Two groups and a bit; some channels fill their last beat.
        count = [2 * one.group + 5, one.group, 3][index % 3]
        values = channel(numbers, count, bits)
        loud = numbers.random(count) < (0.3 if index % 2 else 0.0)
        quiet = loud if spikes == Spikes.CLIP else np.zeros(count, bool)
        blocks, met = encode(values[None], np.array([[grid]]), one, GroupAxis.PIXELS, quiet[None])
        flags.append(met)
        words = split_beats(values, lanes)
        for row, some, mask in zip(
            words, split_beats(loud.astype(int), lanes), masks(count, lanes), strict=True
        ):
            loose = [w if mask >> i & 1 else rng.randint(-9, 9) for i, w in enumerate(row)]
            inputs.append(
                {
                    "backward": backward,
                    "words": loose,
                    "grid": grid,
                    "quiet": as_bits(some),
                    "mask": mask,
                    "last": 0,
                }
            )
        inputs[-1]["last"] = 1
        right += joint_beats(fmt, blocks, 0, lanes, backward)
    results, cycles = run_stream(Encoder(fmt, lanes, spikes), inputs, len(right), rng, stall)
    assert [joint_seen(result.beat) for result in results] == right
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
        wait = 2 if max(sizes) <= lanes else 3 + max(sizes) // lanes
        assert cycles <= len(inputs) + wait
        assert max(sizes) > lanes or cycles == len(inputs) + wait
