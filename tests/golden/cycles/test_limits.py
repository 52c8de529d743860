"""What limits a layer: counts by hand, none longer than the run, and each limit where it must be."""

from dataclasses import replace
from itertools import accumulate
from typing import Any

import numpy as np
import pytest

from golden.compiler import compile_network
from golden.cycles.limits import ADDERS, FETCH, WAITING, WRITEBACK, layer_limits
from golden.cycles.timing import count_cycles
from golden.spec.config import SMALL, TINY
from tests.golden.layers import altered
from tests.golden.networks import random_network
from tests.golden.small import chain, factored


def test_a_layer_by_hand() -> None:
    """Two channels, 3×3, 3 filters of 16 pixels: 4 tiles of 4 lanes, one round of 2 and 1 filters."""
    network = chain((2, 4, 4), ("a", 3, (3, 3), {"padding": 1, "kind": "scale"}))
    ones = np.ones_like(factored(network.layers[0]).mask)
    weights = replace(factored(network.layers[0]), mask=ones, coefficients=ones.astype(np.int64))
    network = replace(network, layers=(altered(network.layers[0], weights=weights),))
    (found,) = layer_limits(compile_network(network, TINY))
    assert found.parts[FETCH] == 4 * (2 * 9 + 1)
    assert found.parts[ADDERS] == 4 * (2 * 18 + 1)
    assert found.parts[WRITEBACK] == 3 * 4 * (4 // 2)
    assert found.part == ADDERS
    assert found.utilisation == 3 * 18 * 16 / (8 * found.cycles)


@pytest.mark.parametrize("seed", range(12))
def test_no_part_is_busy_longer_than_the_run(seed: int) -> None:
    """A layer's rows, entries and terms are done when it ends, so the sums up to it are at most its end."""
    program = compile_network(random_network(np.random.default_rng(seed), TINY), TINY)
    limits = list(layer_limits(program))
    timing = count_cycles(program)
    assert [it.path for it in limits] == [layer.path for layer in program.layers]
    for part in (FETCH, ADDERS, WRITEBACK):
        for busy, end in zip(accumulate(it.parts[part] for it in limits), timing.layer_ends, strict=True):
            assert busy <= end, part
    assert sum(it.cycles for it in limits) <= timing.cycles


@pytest.mark.parametrize(
    ("step", "part"),
    [
        ((2, (1, 1), {"kind": "scale"}), FETCH),
        ((64, (3, 3), {"padding": 1, "kind": "scale"}), ADDERS),
        ((16, (1, 1), {"kind": "column"}), WRITEBACK),
    ],
)
def test_what_limits(step: tuple[Any, ...], part: str) -> None:
    """Few filters: fetch. Many filters on few rows: adders. Nine terms, few weights: writeback."""
    shape = (16, 16, 16)
    if part == WRITEBACK:
        shape, step = (1, 16, 16), (16, (3, 3), {"padding": 1, "kind": "column"})
    (found,) = layer_limits(compile_network(chain(shape, ("a", *step)), replace(SMALL, basis=4)))
    assert found.part == part


def test_a_pixel_waits() -> None:
    """Two layers of one pixel: the second needs the first, and both are shorter than the pipeline."""
    found = list(layer_limits(compile_network(chain((1, 1, 1), ("a", 1, (1, 1)), ("b", 1, (1, 1))), TINY)))
    assert [it.part for it in found] == [WAITING, WAITING]
