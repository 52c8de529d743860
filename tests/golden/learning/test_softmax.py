"""Integer softmax against float64, within the bounds that the module states."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from golden.learning.softmax import LOSS_BOUND, probability_bound, softmax
from tests.golden.learning.naive_parts import by_the_contract


@given(st.lists(st.integers(-20 * 1024, 20 * 1024), min_size=2, max_size=12), st.integers(0, 1))
def test_every_bit_is_the_contract_s(logits: list[int], label: int) -> None:
    found = softmax(np.array([logits]), np.array([label]))
    assert (found.probabilities[0].tolist(), int(found.losses[0])) == by_the_contract(logits, label)


def float_softmax(logits: np.ndarray) -> np.ndarray:
    real = logits / 1024
    found = np.exp(real - real.max(1, keepdims=True))
    return np.asarray(found / found.sum(1, keepdims=True))


@pytest.mark.parametrize("classes", [2, 10, 256])
@pytest.mark.parametrize("spread", [0.1, 1, 4, 20])
def test_probabilities_and_losses_are_within_their_bounds(classes: int, spread: float) -> None:
    rng = np.random.default_rng(classes)
    logits = np.rint(rng.normal(0, spread * 1024, (400, classes))).astype(np.int64)
    logits = np.clip(logits, -30 * 1024, 30 * 1024)
    labels = rng.integers(0, classes, 400)
    found = softmax(logits, labels)
    exact = float_softmax(logits)
    assert np.abs(found.probabilities / 65536 - exact).max() <= probability_bound(classes)
    losses = -np.log(exact[np.arange(400), labels])
    bound = LOSS_BOUND + classes * 2**-17
    assert np.abs(found.losses * math.log(2) / 256 - losses).max() <= bound
    assert found.nats() == pytest.approx(losses.mean(), abs=bound)


def test_two_logits_at_every_distance() -> None:
    distance = np.arange(0, 20 * 1024)
    logits = np.stack([np.zeros_like(distance), -distance], 1)
    found = softmax(logits, np.zeros(len(distance), np.int64)).probabilities
    assert np.abs(found / 65536 - float_softmax(logits)).max() <= probability_bound(2)
    assert (np.diff(found[:, 0]) >= 0).all()
    assert found[0].tolist() == [32768, 32768]
    assert found[-1].tolist() == [65536, 0]


def test_logits_at_the_ends_of_32_bits() -> None:
    top = 2**31 - 1
    found = softmax(np.array([[top, -top]]), np.array([1]))
    assert found.probabilities.tolist() == [[65536, 0]]
    assert found.losses[0] == pytest.approx(2 * top / 1024 * math.log2(math.e) * 256, rel=1e-5)
