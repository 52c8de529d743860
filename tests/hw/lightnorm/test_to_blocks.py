"""int8 words to blocks: beats and flags bit for bit, over formats, widths, grids and stalls."""

import numpy as np
import pytest

from golden.lightnorm.blocks import encode
from golden.spec import block, latency
from golden.spec.block import BlockFormat, Flag, Rounding
from hw.lightnorm.to_blocks import ToBlocks
from sim.lightnorm.beats import beats, seen
from tests.hw.bench import join, seeded
from tests.hw.lightnorm.drive import run_streams
from tests.selection import first_or_long

CHANNELS = 4


@pytest.mark.parametrize(
    ("fmt", "word_lanes", "lanes"),
    [
        (block.light().forward, 4, 4),
        (block.light(32).forward, 16, 16),
        (block.light(4, Rounding.TRUNCATE).forward, 32, 16),
        (block.wide(8).forward, 16, 4),
        (block.mxint8().forward, 4, 4),
        (BlockFormat(9, -14, 15), 8, 8),
    ],
)
@pytest.mark.parametrize(
    ("values", "above", "stall"),
    first_or_long([(1, 0, 0.4), (37, -1, 0.4), (37, 0, 0.0), (64, 1, 0.0)], 2),
)
def test_channels(
    fmt: BlockFormat, word_lanes: int, lanes: int, values: int, above: int, stall: float
) -> None:
    rng = seeded(values)
    numbers = np.random.default_rng(values)
    words = -(-values // word_lanes)
    # Below, inside and above the range of exponents.
    grid = (fmt.exponent_low - 5, -5, fmt.exponent_high - 4)[above + 1]
    x = numbers.integers(-128, 128, (CHANNELS, values)) >> numbers.integers(0, 8, (CHANNELS, values))
    x[1] = 0
    x[2, :2] = (-128, 127)[:values]
    blocks, flags = encode(x, np.array(grid), fmt)
    right = [beat for channel in range(CHANNELS) for beat in beats(blocks, channel, lanes)]
    padded = np.zeros((CHANNELS, words * word_lanes), np.int64)
    padded[:, :values] = x
    rows = padded.reshape(-1, word_lanes).tolist()
    results, cycles = run_streams(
        ToBlocks(fmt, word_lanes, lanes),
        {"i": [join(row, 8) for row in rows]},
        {"o": len(right)},
        rng,
        stall,
        {"words": words, "last_lanes": values - (words - 1) * word_lanes, "grid": grid},
    )
    assert [seen(result.beat) for result in results["o"]] == right
    met = Flag.NONE
    for result in results["o"]:
        met |= Flag.OVERFLOW if result.overflow else Flag.NONE
        met |= Flag.UNDERFLOW if result.underflow else Flag.NONE
    assert met == flags
    if not stall and fmt.group <= lanes:
        assert cycles == len(right) + latency.ENCODE
