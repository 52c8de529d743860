"""NormPasses: maps, gradients and counts bit for bit, whoever else uses the memory; cycles as golden says."""

from dataclasses import replace
from typing import Any

import pytest

from golden.cycles.norm import norm_timing
from golden.spec.config import Config
from hw.learning.norm_passes import NormPasses
from tests.hw.bench import seeded, simulate
from tests.hw.learning.layers import Bench, layer
from tests.hw.learning.rounded import Rounded
from tests.selection import first_or_long


def sizes(lanes: int) -> Config:
    return Config(
        name="norms", engines=1, lanes=lanes, accumulators=4, basis=4, feature_words=256, filter_words=16
    )


RUNS = {
    (16, 0.0): [(1, 1, True, False, False), (2, 30, True, False, False), (2, 3, False, True, True)],
    (4, 0.0): [(2, 30, False, False, False), (3, 3, True, False, False), (2, 1, False, True, True)],
    (8, 0.0): [
        (3, 2, True, False, False),
        (2, 7, True, False, False),
        (2, 9, False, True, True),
        (2, 40, False, False, True),
        (3, 2, False, False, False),
    ],
    (16, 0.3): [(2, 2, True, False, False), (1, 4, False, True, False)],
    (4, 0.3): [(3, 3, True, False, False), (2, 5, False, True, True)],
    (8, 0.3): [(2, 9, False, False, False)],
}
"""Lanes and stalls of memory and reader alike: channels, words, backward, add, relu."""


SHORT = ((16, 0.0), (4, 0.3))


@pytest.mark.parametrize(
    ("lanes", "stall"), [pytest.param(*run, marks=[pytest.mark.long] * (run not in SHORT)) for run in RUNS]
)
def test_layers(lanes: int, stall: float) -> None:
    rng = seeded(lanes)
    config = sizes(lanes)
    dut = Rounded(NormPasses(config), config, 0)

    async def bench(ctx: Any) -> None:
        it = Bench(dut, config, rng, stall, stall)
        for channels, words, backward, add, relu in RUNS[lanes, stall]:
            case = layer(rng.getrandbits(32), config, channels, words, backward, add, relu)
            cycles = await it.run(ctx, case)
            if not stall:
                assert it.timing(cycles) == norm_timing(config, channels, words, backward, add)

    simulate(dut, bench)


REFUSED = {
    (4, 0.4): [(3, 3, True, False, False), (2, 20, False, True, False), (2, 9, False, False, False)],
    (8, 0.5): [(3, 7, True, False, False), (2, 9, False, True, False), (3, 20, False, False, False)],
    (16, 0.6): [(3, 2, True, False, False), (2, 2, False, True, False), (2, 5, False, False, False)],
}


@pytest.mark.parametrize(("lanes", "stall"), first_or_long(REFUSED))
def test_cycles_where_accesses_are_refused(lanes: int, stall: float) -> None:
    rng = seeded(lanes)
    config = sizes(lanes)
    dut = Rounded(NormPasses(config), config, 0)

    async def bench(ctx: Any) -> None:
        it = Bench(dut, config, rng, stall, 0.0)
        for channels, words, backward, add, relu in REFUSED[lanes, stall]:
            case = layer(rng.getrandbits(32), config, channels, words, backward, add, relu)
            cycles = await it.run(ctx, case)
            right = norm_timing(config, channels, words, backward, add, frozenset(it.refused))
            assert it.timing(cycles) == right

    simulate(dut, bench)


GIVEN_AND_LONE = {
    # Channels, words, backward, add, given, lone.
    (4, 0.0, 0.0): [
        (1, 1, False, False, True, False),
        (2, 9, True, False, True, False),
        (3, 5, True, False, True, True),
        (12, 2, False, False, True, False),
        (3, 2, False, True, True, False),
        (3, 4, True, False, False, False),
    ],
    (8, 0.0, 0.0): [
        (12, 3, False, False, True, False),
        (6, 2, True, False, False, True),
        (1, 8, True, False, True, True),
        (3, 3, False, True, False, False),
        # One channel alone fills its bytes, wherever its mean is.
        *[(1, 2, False, False, True, False)] * 6,
    ],
    (16, 0.4, 0.0): [(5, 2, False, False, True, False), (4, 2, True, False, False, True)],
    (8, 0.3, 0.3): [(3, 2, False, True, True, False), (3, 3, True, False, True, True)],
}
"""Lanes, stalls of the memory and of the reader."""


@pytest.mark.parametrize(("lanes", "stall", "late"), first_or_long(GIVEN_AND_LONE, 2))
def test_given_statistics_and_lone_reductions(lanes: int, stall: float, late: float) -> None:
    """One behind the other and behind others; the time of each, of a reader that makes nobody wait."""
    rng = seeded(lanes)
    config = sizes(lanes)
    dut = Rounded(NormPasses(config), config, 0)

    async def bench(ctx: Any) -> None:
        it = Bench(dut, config, rng, stall, late)
        for channels, words, backward, add, given, lone in GIVEN_AND_LONE[lanes, stall, late]:
            seed, far = rng.getrandbits(32), -300 if channels == 1 and not backward else 1
            case = layer(seed, config, channels, words, backward, add, add, given, lone, far)
            cycles = await it.run(ctx, case)
            refused = frozenset(it.refused)
            right = norm_timing(config, channels, words, backward, add, refused, given, lone)
            assert late or it.timing(cycles) == right

    simulate(dut, bench)


PIECES = {
    # Channels, words of a run, runs, words between them, add, given.
    (4, 0.0): [(3, 2, 4, 3, False, False), (2, 1, 3, 5, True, False), (2, 5, 2, 1, False, True)],
    (16, 0.3): [(2, 2, 3, 4, True, False), (3, 1, 4, 2, False, False)],
}


@pytest.mark.parametrize(("lanes", "stall"), first_or_long(PIECES))
def test_pieces_of_a_map(lanes: int, stall: float) -> None:
    """Words between runs stay as they are; counts go on over commands that say so."""
    rng = seeded(lanes)
    config = sizes(lanes)
    dut = Rounded(NormPasses(config), config, 0)

    async def bench(ctx: Any) -> None:
        it = Bench(dut, config, rng, stall, stall)
        counts, found = (0, 0), []
        for number, (channels, run, runs, gap, add, given) in enumerate(PIECES[lanes, stall]):
            words = run * runs
            seed = rng.getrandbits(32)
            case = layer(seed, config, channels, words, False, add, True, given, runs=runs, gap=gap)
            found.append(case.counts)
            if number:
                counts = counts[0] + case.counts[0], counts[1] + case.counts[1]
                case = replace(case, command=case.command | {"counts_on": 1}, counts=counts)
            counts = case.counts
            cycles = await it.run(ctx, case)
            refused = frozenset(it.refused)
            right = norm_timing(config, channels, words, False, add, refused, given)
            assert stall or it.timing(cycles) == right
        assert len({case for case in found if case[1]}) > 1

    simulate(dut, bench)
