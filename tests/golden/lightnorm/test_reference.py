"""The float model against finite differences, the unit against the float model, and the traffic."""

import numpy as np
import pytest

from golden.lightnorm import reference, scalars, unit
from golden.lightnorm.blocks import Blocks, encode_floats
from golden.lightnorm.scalars import Float64
from golden.lightnorm.traffic import traffic, two_pass_bits
from golden.spec import block
from golden.spec.block import PRESETS, Flag, GroupAxis, NormFormat, Spikes


@pytest.mark.parametrize(("values", "wanted"), [(2, 1), (30, 1), (100, 8), (64, 4)])
def test_the_gradient_equals_finite_differences(values: int, wanted: int) -> None:
    rng = np.random.default_rng(values)
    x, weight = rng.normal(size=(3, values)), rng.normal(size=(3, values))
    gamma, beta = rng.normal(size=3), rng.normal(size=3)
    host = block.constants(values, wanted)

    def loss(x: Float64, gamma: Float64, beta: Float64) -> Float64:
        return (reference.forward(x, gamma, beta, host).y * weight).sum(1)

    found = reference.forward(x, gamma, beta, host)
    dx, d_gamma, d_beta = reference.backward(weight, found, gamma, host)
    step = 1e-6
    measured = np.empty_like(dx)
    for i in range(values):
        move = np.zeros_like(x)
        move[:, i] = step
        measured[:, i] = (loss(x + move, gamma, beta) - loss(x - move, gamma, beta)) / (2 * step)
    assert np.abs(measured - dx).max() <= 1e-6 * np.abs(weight).max() * np.abs(gamma * found.scale).max()
    for index, grad in ((0, d_gamma), (1, d_beta)):
        ends = [[gamma, beta], [gamma, beta]]
        ends[0][index], ends[1][index] = ends[0][index] + step, ends[0][index] - step
        np.testing.assert_allclose(
            (loss(x, *ends[0]) - loss(x, *ends[1])) / (2 * step), grad, rtol=1e-6, atol=1e-7
        )


def tensors(seed: int, shape: tuple[int, int], fmt: NormFormat, axis: GroupAxis) -> tuple[Blocks, Blocks]:
    """x with any mean, size and a few outliers; dy of any size, in the middle of the formats."""
    rng = np.random.default_rng(seed)
    channels = (shape[0], 1)
    x = rng.normal(size=shape) * 2.0 ** rng.integers(-4, 5, channels) * (1 + 9 * (rng.random(shape) < 0.01))
    x += rng.normal(size=channels) * 2.0 ** rng.integers(-4, 5, channels)
    dy = rng.normal(size=shape) * 2.0 ** rng.integers(-12, 5, channels)
    return encode_floats(x, fmt.forward, axis)[0], encode_floats(dy, fmt.gradient, axis)[0]


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("axis", list(GroupAxis))
@pytest.mark.parametrize("wanted", [1, 8])
def test_errors_stay_within_the_stated_bound(name: str, axis: GroupAxis, wanted: int) -> None:
    fmt = PRESETS[name]
    for seed in range(4):
        rng = np.random.default_rng(100 + seed)
        x, dy = tensors(seed, (8, 500), fmt, axis)
        gamma = rng.normal(size=8).astype(np.float32).astype(np.float64)
        beta = (rng.normal(size=8) * 2.0 ** rng.integers(-3, 6, 8)).astype(np.float32).astype(np.float64)
        host = block.constants(500, wanted)
        gammas = scalars.from_floats(gamma)
        y, found, flags = unit.forward(x, gammas, scalars.from_floats(beta), host, fmt)
        right = reference.forward(x.floats(), gamma, beta, host)
        bound = reference.forward_bound(y, right, gamma, beta, fmt)
        assert flags == Flag.NONE
        assert (np.abs(y.floats() - right.y) <= bound).all()

        back = unit.backward(x, dy, found, gammas, host, fmt)
        dx, d_gamma, d_beta = reference.backward(dy.floats(), right, gamma, host)
        bound = reference.backward_bound(back.dx, dy.floats(), right, gamma, host, fmt)
        assert (np.abs(back.dx.floats() - dx) <= bound).all()
        np.testing.assert_allclose(back.gradients.beta.floats(), d_beta, rtol=2**-23)
        np.testing.assert_allclose(
            back.gradients.gamma.floats(), d_gamma, rtol=2 * reference.relative_bound(fmt), atol=1e-9
        )

        # Σdx = 0 but for the rounding of the blocks and of the window.
        own = reference.backward_bound(back.dx, np.zeros_like(dx), right, gamma, host, fmt).sum(1)
        top = np.abs(dy.floats()).max(1)
        window = 500 * 2 * np.abs(gamma * right.scale) * top * 2.0 ** (3 - fmt.gradient_window)
        assert (np.abs(back.dx.floats().sum(1)) <= own + window).all()


@pytest.mark.parametrize(
    ("name", "forward", "backward"), [("light", 30, 22.5), ("wide", 48, 46), ("mxint8", 42, 40)]
)
def test_signal_to_noise(name: str, forward: float, backward: float) -> None:
    """Gaussian data, n = 1024, K = 8: decibels after the blocks, as measured for the design."""
    fmt = PRESETS[name]
    rng = np.random.default_rng(5)
    x, _ = encode_floats(rng.normal(size=(16, 1024)), fmt.forward)
    dy, _ = encode_floats(rng.normal(size=(16, 1024)), fmt.gradient)
    host, ones = block.constants(1024, 8), np.ones(16)
    y, found, _ = unit.forward(x, scalars.from_floats(ones), scalars.from_floats(0 * ones), host, fmt)
    right = reference.forward(x.floats(), ones, 0 * ones, host)
    dx, _, _ = reference.backward(dy.floats(), right, ones, host)
    back = unit.backward(x, dy, found, scalars.from_floats(ones), host, fmt)
    for got, exact, least in ((y, right.y, forward), (back.dx, dx, backward)):
        noise = ((got.floats() - exact) ** 2).sum()
        assert 10 * np.log10((exact**2).sum() / noise) >= least


def test_traffic_is_what_the_formats_promise() -> None:
    rng = np.random.default_rng(1)
    host = block.constants(1024, 8)
    for fmt, fused, most in (
        (block.light(4), False, 48.5),
        (block.light(32), False, 40.2),
        (block.light(32), True, 34.1),
    ):
        x, _ = encode_floats(rng.normal(size=(4, 1024)), fmt.forward)
        dy, _ = encode_floats(rng.normal(size=(4, 1024)), fmt.gradient)
        moved = traffic(x, x, dy, dy, host, fused)
        forward, gradient = fmt.forward.bits_per_element, fmt.gradient.bits_per_element
        assert moved.bits_per_element == (4 - fused) * forward + 3 * gradient
        assert moved.bits_per_element <= most
        assert moved.indices == 4 * 2 * 2 * 8 * 10
        assert moved.parameters == 4 * 15 * 32
        apart = traffic(x, x, dy, dy, host, fused, Spikes.APART)
        assert apart.parameters == 4 * 16 * 32
    assert two_pass_bits(32) == 288
