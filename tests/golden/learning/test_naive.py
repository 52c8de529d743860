"""Whole steps against the contract, value by value."""

from dataclasses import replace

import pytest

from golden.learning import Network, Rates, fresh_state, residual_network, settle, step
from tests.golden.learning.naive import naive_step
from tests.golden.learning.samples import batch, coarser, same

PLAIN = residual_network((1, 5, 5), (3, 2), (), classes=3, counter_bits=3)
RESIDUAL = replace(
    residual_network((1, 6, 6), (2, 1), ((2, 1), (3, 2)), classes=10, share=3), round_filters=2
)


@pytest.mark.parametrize("network", [PLAIN, RESIDUAL], ids=["plain", "residual"])
@pytest.mark.parametrize(("coarse", "count"), [(0, 3), (-3, 2)])
def test_steps_are_the_contract_s(network: Network, coarse: int, count: int) -> None:
    """Three steps in a row, also with saturated errors; strides, shortcut, addend, rounds, short tiles."""
    start = settle(network, fresh_state(network, 2, 0.5), *batch(count, network=network))
    state = expected = coarser(start, coarse)
    for number in range(3):
        images, labels = batch(count, seed=number, network=network)
        rates = Rates(-number, 200 - 50 * number)
        expected = naive_step(network, expected, images, labels, rates)
        state, _ = step(network, state, images, labels, rates)
        assert same(state, expected)
    assert any((a.codes != b.codes).any() for a, b in zip(start.layers, state.layers, strict=True))
