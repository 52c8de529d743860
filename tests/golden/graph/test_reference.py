"""The reference network against plain integers and against float64."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from flows.fuzz.weights import KINDS, random_weights
from golden.graph import reference
from golden.graph.operations import convolution
from golden.graph.operations.convolution import convolve
from golden.graph.operations.weights import Plain, rebuild
from golden.graph.operations.window import Window
from golden.numerics.rounding import round_shift, saturate
from golden.spec import formats
from golden.spec.config import SMALL, TINY, Config
from tests.golden.layers import altered
from tests.golden.naive import run_naive, weight
from tests.golden.networks import random_images, random_network


@given(st.lists(st.integers(-(2**40), 2**40), min_size=1), st.integers(0, 31))
def test_round_shift_equals_the_scalar_form(values: list[int], shift: int) -> None:
    got = round_shift(np.array(values), shift)
    assert got.tolist() == [round(Fraction(value, 2**shift)) for value in values]


def test_round_shift_broadcasts_its_shifts() -> None:
    values = np.arange(-40, 40)[:, None]
    shifts = np.arange(5)
    expected = [[formats.round_shift(v, s) for s in range(5)] for v in range(-40, 40)]
    assert round_shift(values, shifts).tolist() == expected


def test_saturate_equals_the_scalar_form() -> None:
    values = np.arange(-300, 300)
    assert saturate(values).tolist() == [formats.saturate(v) for v in range(-300, 300)]


@pytest.mark.parametrize("config", [TINY, SMALL], ids=lambda config: config.name)
@pytest.mark.parametrize("seed", range(8))
def test_run_network_equals_plain_integers(seed: int, config: Config) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(rng, config, largest=5)
    images = random_images(rng, network, 2)
    features = reference.run_network(network, images)
    for number, image in enumerate(images):
        for name, expected in run_naive(network, image).items():
            np.testing.assert_array_equal(features[name][number], expected, f"seed {seed}, {name}")


@pytest.mark.parametrize("kind", KINDS)
def test_rebuild_equals_the_definition(kind: str) -> None:
    rng = np.random.default_rng(5)
    network = random_network(rng, SMALL)
    layer = network.layers[0]
    shape = (7, 2, 3, 3)
    weights = random_weights(rng, kind, shape, 0.5, 10000)
    layer = altered(layer, filters=7, weights=weights)
    expected = [weight(layer, *index) for index in np.ndindex(shape)]
    assert rebuild(weights, 7).reshape(-1).tolist() == expected


def test_layers_stay_near_float64() -> None:
    """Requantisation errs by at most half a step; nothing else errs."""
    rng = np.random.default_rng(11)
    images = rng.integers(-128, 128, (3, 4, 9, 9)).astype(np.int8)
    weights = Plain(rng.integers(-128, 128, (5, 4, 3, 3)), rng.integers(1, 128, 5))
    bias, shift = rng.integers(-(10**6), 10**6, 5), np.full(5, 18)
    sums = convolve(images, rebuild(weights, 5), Window((3, 3), (2, 2), (1, 1, 1, 1))) + bias[:, None, None]
    result = saturate(round_shift(sums, shift[:, None, None]))
    real = torch.nn.functional.conv2d(
        torch.from_numpy(images.astype(np.float64) / 2**18),
        torch.from_numpy(weights.weights * weights.scale[:, None, None, None].astype(np.float64)),
        torch.from_numpy(bias / 2**18),
        stride=2,
        padding=1,
    )
    assert np.abs(result - np.clip(real.numpy(), -128, 127)).max() <= 0.5 + 1e-9


def test_batches_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    network = random_network(rng, SMALL)
    images = random_images(rng, network, 7)
    whole = reference.run_network(network, images)
    monkeypatch.setattr(convolution, "_BATCH_BYTES", 1)
    for name, values in reference.run_network(network, images).items():
        np.testing.assert_array_equal(values, whole[name])


def test_sums_that_float64_cannot_hold_are_refused() -> None:
    with pytest.raises(OverflowError, match=r"^a sum may reach 9223372036854775808, which float64"):
        convolve(np.zeros((1, 1, 1, 1), np.int8), np.array([[[[1 << 56]]]]), Window((1, 1)))


def test_other_images_are_refused() -> None:
    network = random_network(np.random.default_rng(2), SMALL)
    with pytest.raises(ValueError, match=r"^images: got float64 of shape \(1, 1, 2, 2\); expected int8 of"):
        reference.run_network(network, np.zeros((1, 1, 2, 2)))  # type: ignore[arg-type]
