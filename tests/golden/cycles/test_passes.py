"""What the cycle model looks after in a pass."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from golden.cycles.layers import Layer
from golden.cycles.passes import demand_words_apart
from golden.spec import latency
from golden.spec.config import SMALL_LEARNING

CONFIG = replace(SMALL_LEARNING, engines=2)
SLICES = CONFIG.lanes // CONFIG.basis
TILES = 3


def a_layer(filters: int) -> Layer:
    """Two filters an engine, as many rounds as that takes."""
    back = {"engine_filters": 2, "filters": filters, "rounds": -(-filters // 4), "tiles": TILES}
    decoded: Any = SimpleNamespace(back=back)
    return Layer(decoded, None)


def the_terms(channels: list[int], near: tuple[int, int, int] | None = None) -> list[int]:
    """Of rounds of so many channels, as close to each other as may be. near: a word of a round and tile whose
    first term comes so many cycles too early."""
    terms: list[int] = []
    cycle = 100
    for number, count in enumerate(channels):
        for tile in range(TILES):
            for channel in range(count):
                start = cycle + channel * SLICES
                if near and near[:2] == (number, tile) and channel == count - 1:
                    start -= near[2]
                terms += range(start, start + SLICES)
            cycle += max(count * SLICES, latency.words_apart(SLICES, count))
    return terms


@pytest.mark.parametrize("count", [1, 2, 4])
def test_words_that_are_far_enough_apart(count: int) -> None:
    demand_words_apart([a_layer(4), a_layer(4 + count)], CONFIG, the_terms([4, 4, count]))


@pytest.mark.parametrize(("count", "early", "apart", "need"), [(1, 1, 3, 4), (2, 3, 5, 6)])
def test_words_that_are_too_close(count: int, early: int, apart: int, need: int) -> None:
    layers = [a_layer(4), a_layer(4 + count)]
    said = f"layer 1, round 1: words of a channel are {apart} cycles apart; statistics need {need}"
    with pytest.raises(AssertionError, match=said):
        demand_words_apart(layers, CONFIG, the_terms([4, 4, count], (2, 1, early)))
