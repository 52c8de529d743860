"""STAT and REDUCE: exact sums, ranges, places and tops, channel after channel without a pause."""

from dataclasses import replace
from typing import Any

import pytest

from golden.lightnorm import unit
from golden.spec import block
from hw.lightnorm.layouts import Op
from hw.lightnorm.sums import Sums
from sim.lightnorm.beats import pass_beats
from sim.lightnorm.samples import CHANNELS, sample
from tests.hw.bench import seeded
from tests.hw.lightnorm.drive import run_streams

FORMATS = {
    "light": block.light(),
    "wide": block.wide(8),
    "mxint8": block.mxint8(),
    "mixed": replace(block.light(2), gradient=block.light(8).gradient),
}


def placed(beats: list[dict[str, Any]], split: block.Chunks, lanes: int) -> list[dict[str, Any]]:
    """Beats of one channel with their places."""
    starts = [start // lanes for start in split.starts]
    result = []
    for number, beat in enumerate(beats):
        place = {
            "first": int(number == 0),
            "last": beat["last"],
            "begins": int(number in starts),
            "ends": int(number + 1 in starts or number + 1 == len(beats)),
            "initial": int(number < [*starts, len(beats)][1]),
            "beat": number,
        }
        result.append({"beat": beat, "place": place})
    return result


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    ("lanes", "stall", "values", "wanted"),
    [
        (4, 0.3, 61, 1),
        (16, 0.0, 2, 1),
        *(pytest.param(*it, marks=pytest.mark.long) for it in ((8, 0.0, 100, 8), (16, 0.3, 100, 8))),
    ],
)
def test_sums(name: str, lanes: int, stall: float, values: int, wanted: int) -> None:
    rng = seeded(lanes + values)
    fmt = FORMATS[name]
    case = sample(values, values, wanted, fmt)
    split = case.constants.chunks
    passes = [Op.STAT if rng.random() < 0.6 else Op.REDUCE for _ in range(2 * CHANNELS)]
    inputs = []
    for number, op in enumerate(passes):
        beats = pass_beats(op, case.x, case.dy, number % CHANNELS, lanes)
        inputs += placed(beats, split, lanes)
    # Either pass may be the one that finds places.
    placing = rng.choice([Op.STAT, Op.REDUCE])
    dut = Sums(fmt, lanes, 10, placing)
    counts = {"o": len(passes), "places": passes.count(placing) * split.count}
    results, cycles = run_streams(dut, {"i": inputs}, counts, rng, stall, {})
    xs, dys = case.x.integers(), case.dy.integers()
    slices = unit.chunk_slices(split)
    right = []
    for number, (op, result) in enumerate(zip(passes, results["o"], strict=True)):
        channel = number % CHANNELS
        x, dy = xs[channel], dys[channel]
        assert bool(result.backward) == (op == Op.REDUCE)
        if op == Op.STAT:
            got = result.sums.stat
            assert got.total == sum(x)
            assert got.ranges == sum(max(x[part]) - min(x[part]) for part in slices)
            assert got.width == max(x) - min(x)
        else:
            got = result.sums.reduce
            assert got.total == sum(dy)
            assert got.product == sum(x * dy)
            assert got.top == max(abs(int(error)) for error in dy).bit_length()
        if op == placing:
            pairs = zip(case.found.highest[channel], case.found.lowest[channel], strict=True)
            right += [(int(a), int(b)) for a, b in pairs]
    assert [(place.highest, place.lowest) for place in results["places"]] == right
    if not stall:
        assert cycles == len(inputs) + 3
