"""Encoder: blocks and flags bit for bit, one beat per cycle, over formats, lanes, groups and stalls."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from golden.lightnorm.blocks import encode
from golden.spec import block, latency
from golden.spec.block import Flag, GroupAxis, Rounding, Spikes
from hw.lightnorm.encoder import Encoder
from hw.lightnorm.layouts import result_bits
from sim.lightnorm.beats import as_bits, joint_beats, joint_seen, masks, split_beats
from tests.golden.lightnorm import naive
from tests.hw.bench import seeded
from tests.hw.lightnorm.drive import run_stream
from tests.selection import first_or_long

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
    first_or_long(
        [
            (4, Spikes.CLIP, 0.4),
            (16, Spikes.BLOCK, 0.0),
            (8, Spikes.CLIP, 0.0),
            (8, Spikes.BLOCK, 0.4),
        ],
        2,
    ),
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
        wait = latency.ENCODE + (0 if max(sizes) <= lanes else 1 + max(sizes) // lanes)
        assert cycles <= len(inputs) + wait
        assert max(sizes) > lanes or cycles == len(inputs) + wait


EDGES = {
    "light": block.light(),
    "truncate": block.light(4, Rounding.TRUNCATE),
    "mixed": replace(block.light(), gradient=block.light(4, Rounding.TRUNCATE).gradient),
    "long": block.light(16),
    "wide": block.wide(),
}
"""With 8 lanes: groups within a beat, and of two beats."""


@pytest.mark.parametrize("name", EDGES)
@pytest.mark.parametrize("spikes", [Spikes.BLOCK, Spikes.CLIP])
def test_ties_and_the_highest_exponent(name: str, spikes: Spikes) -> None:
    """Numbers at a tie and just beside it, of all sizes and both signs; groups whose largest number rounds
    beyond the largest magnitude, at the highest exponent (where it saturates, with a flag) and below it."""
    fmt, lanes = EDGES[name], 8
    bits = result_bits(fmt)
    inputs: list[dict[str, Any]] = []
    right: list[dict[str, Any]] = []
    overflows = []
    for backward in (0, 1):
        one = fmt.gradient if backward else fmt.forward
        for above in (-1, 0, 1):
            # A word of 2**(bits − 2) has the exponent exponent_high + above.
            grid = one.exponent_high + above - (bits - 2)
            half = 1 << (bits - 2 - one.magnitude_bits)
            for kept in ((one.largest + 1) // 2, one.largest // 2 + 2, one.largest - 1, one.largest):
                for beside in (-1, 0, 1):
                    value = (2 * kept + 1) * half + beside
                    rows = np.zeros((2, one.group), np.int64)
                    rows[0, 1], rows[1, one.group - 1] = value, -value
                    # A neighbour that is rounded at the same exponent.
                    rows[0, 2], rows[1, 0] = -(3 * half + beside), half - beside
                    for row in rows:
                        loud = np.abs(row) == value
                        quiet = loud if spikes == Spikes.CLIP and beside == 0 else np.zeros_like(loud)
                        blocks, met = encode(
                            row[None], np.array([[grid]]), one, GroupAxis.PIXELS, quiet[None]
                        )
                        exact = [Fraction(int(v)) * naive.two(grid) for v in row]
                        assert blocks.floats()[0].tolist() == [
                            float(v) for v in naive.encode(exact, quiet.tolist(), one)
                        ]
                        overflows.append(bool(met & Flag.OVERFLOW))
                        words = zip(
                            split_beats(row, lanes),
                            split_beats(quiet.astype(int), lanes),
                            masks(one.group, lanes),
                            strict=True,
                        )
                        inputs += [
                            {
                                "backward": backward,
                                "words": beat,
                                "grid": grid,
                                "quiet": as_bits(some),
                                "mask": mask,
                                "last": 0,
                            }
                            for beat, some, mask in words
                        ]
                        inputs[-1]["last"] = 1
                        right += joint_beats(fmt, blocks, 0, lanes, backward)
    results, _ = run_stream(Encoder(fmt, lanes, spikes), inputs, len(right), seeded(1), 0.0)
    assert [joint_seen(result.beat) for result in results] == right
    ends = [number for number, result in enumerate(results) if result.beat.last]
    starts = [0, *(end + 1 for end in ends[:-1])]
    found = [
        any(int(result.overflow) for result in results[start : end + 1])
        for start, end in zip(starts, ends, strict=True)
    ]
    assert found == overflows
    assert {False, True} == set(overflows)
