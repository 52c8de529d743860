"""Whole steps against the contract, value by value."""

from dataclasses import replace

import numpy as np
import pytest

from golden.learning import (
    Head,
    Layer,
    LayerScheme,
    Network,
    Rates,
    Scheme,
    Statistics,
    everything,
    fresh_state,
    head_only,
    last_blocks,
    norms_only,
    residual_network,
    settle,
    step,
)
from golden.spec.learning import ArrayShape
from tests.golden.learning.naive import NaiveStep
from tests.golden.learning.samples import batch, coarser, same
from tests.golden.learning.states import shaken

PLAIN = replace(residual_network((1, 4, 6), (3, 2), (), classes=3, counter_bits=3), array=ArrayShape(2, 4, 1))
RESIDUAL = replace(
    residual_network((1, 8, 8), (2, 1), ((2, 1), (3, 2)), classes=10, share=3), array=ArrayShape(1, 16, 2)
)
# Three convolutions read one map, one of them adds it as well; no ReLU at the end; a map that is only added
# to one that is only added.
MANY = Network(
    (1, 4, 4),
    (
        Layer("a", 0, 3),
        Layer("b", 1, 2, kernel=1, relu=False),
        Layer("c", 1, 2, relu=False, add=2),
        Layer("d", 1, 3, add=1),
        Layer("e", 4, 2, kernel=5, relu=False, add=3),
    ),
    classes=4,
    head_unit=-5,
    array=ArrayShape(2, 8, 8),
)


@pytest.mark.parametrize("network", [PLAIN, RESIDUAL, MANY], ids=["plain", "residual", "many"])
@pytest.mark.parametrize(("coarse", "count"), [(0, 4), (-3, 2)])
def test_steps_are_the_contract_s(network: Network, coarse: int, count: int) -> None:
    """Three steps in a row, also with saturated errors: strides, shortcuts, addends, several error passes
    into a map, rounds, lanes of half a word and of two."""
    start = settle(network, fresh_state(network, 2, 0.5), *batch(count, network=network))
    state = expected = coarser(start, coarse)
    for number in range(3):
        images, labels = batch(count, seed=number, network=network)
        rates = Rates(-number, 200 - 50 * number)
        expected = NaiveStep(network, expected, images, labels, rates, everything(network)).after()
        state, _ = step(network, state, images, labels, rates)
        assert same(state, expected)
    assert any((a.codes != b.codes).any() for a, b in zip(start.layers, state.layers, strict=True))


SCHEMES = {
    "last": last_blocks(MANY, 2),
    "norms": norms_only(MANY),
    "head": head_only(MANY),
    "share": last_blocks(MANY, 5, 0.4),
    "one": Scheme(
        (LayerScheme(), LayerScheme(norm=True), LayerScheme(2), LayerScheme(), LayerScheme()), Head.FROZEN
    ),
    "running": replace(everything(MANY), statistics=Statistics.RUNNING),
    "running last": replace(last_blocks(MANY, 1), statistics=Statistics.RUNNING),
}


@pytest.mark.parametrize("name", SCHEMES)
def test_schemes_are_the_contract_s(name: str) -> None:
    scheme, count = SCHEMES[name], 2 if "running" not in name else 1
    state = expected = settle(MANY, fresh_state(MANY, 2, 0.5), *batch(4, network=MANY))
    for number in range(2):
        images, labels = batch(count, seed=number, network=MANY)
        expected = NaiveStep(MANY, expected, images, labels, Rates(-1, 100), scheme).after()
        state, _ = step(MANY, state, images, labels, Rates(-1, 100), scheme)
        assert same(state, expected)


@pytest.mark.parametrize("seed", range(3))
def test_running_statistics_from_anywhere(seed: int) -> None:
    """Means and spreads that are zero, tiny, huge, far from those of the batch."""
    scheme = SCHEMES["running"]
    start = settle(MANY, fresh_state(MANY, 2, 0.5), *batch(4, network=MANY))
    layers = shaken(start, np.random.default_rng(seed)).layers
    state = replace(
        start,
        layers=tuple(
            replace(it, mean=other.mean, spread=other.spread)
            for it, other in zip(start.layers, layers, strict=True)
        ),
    )
    images, labels = batch(1, seed=seed, network=MANY)
    expected = NaiveStep(MANY, state, images, labels, Rates(-1, 100), scheme).after()
    found, _ = step(MANY, state, images, labels, Rates(-1, 100), scheme)
    assert same(found, expected)
