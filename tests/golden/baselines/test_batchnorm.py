"""The two-pass batch-norm units against PyTorch's batch norm in float64, forward and backward."""

import numpy as np
import pytest
import torch

from golden.baselines.batchnorm import unit
from golden.baselines.batchnorm.floats import Float32, add, from_bits, multiply, narrow, rsqrt, to_bits
from golden.spec.floats import BF16, FP32, FloatFormat

EPSILON = 1e-5


def channels(fmt: FloatFormat, values: int, far: float, seed: int) -> tuple[Float32, Float32]:
    """x with means of −far…far deviations and dy, (6, values)."""
    rng = np.random.default_rng(seed)
    spread = np.array([1e-2, 0.3, 1.0, 1.0, 20.0, 1e3])[:, None]
    x = (rng.normal(size=(6, values)) + np.linspace(-far, far, 6)[:, None]) * spread
    dy = (rng.normal(size=(6, values)) + 0.3) * 10.0 ** np.arange(-4, 2)[:, None]
    return narrow(x.astype(np.float32), fmt), narrow(dy.astype(np.float32), fmt)


@pytest.mark.parametrize(("values", "far"), [(50, 0.0), (700, 3.0), (3000, 3.0), (1000, 30.0)])
@pytest.mark.parametrize("fmt", [FP32, BF16], ids=lambda fmt: fmt.name)
def test_against_torch(fmt: FloatFormat, values: int, far: float) -> None:
    x, dy = channels(fmt, values, far, values)
    rng = np.random.default_rng(1)
    gamma, beta = (rng.normal(size=6).astype(np.float32) for _ in range(2))
    host = unit.Host(fmt, 8, np.float32(1) / np.float32(values), np.float32(EPSILON))
    mean = unit.mean(x, host)
    var, scale = unit.variance(x, mean, host)
    y = unit.elementwise(x, np.zeros_like(x), unit.apply_words(gamma, beta, mean, scale, host), fmt)
    d_beta, d_gamma = unit.reduce(x, dy, mean, scale, host)
    dx = unit.elementwise(x, dy, unit.grad_words(gamma, mean, scale, d_gamma, d_beta, host), fmt)

    tensors = [torch.from_numpy(v.astype(np.float64)).requires_grad_() for v in (x.T, gamma, beta)]
    wide, weight, bias = tensors
    right = torch.nn.functional.batch_norm(wide, None, None, weight, bias, training=True, eps=EPSILON)
    right.backward(torch.from_numpy(dy.T.astype(np.float64)))
    right_dx, right_gamma, right_beta = (tensor.grad.numpy() for tensor in tensors if tensor.grad is not None)
    right_y = right.detach().numpy().T

    # u: half a unit in the last place of an element; v: of float32, times the depth of the sums and what
    # a mean `far` deviations off costs.
    u = 2.0**-fmt.significand
    v = 2.0**-24 * (4 + np.sqrt(values) / 2) * (1 + far)
    assert np.all(np.abs(mean - x.mean(1)) <= v * np.abs(x).max(1))
    # The differences are rounded (u each, twice as much squared), without bias.
    exact_var = x.astype(np.float64).var(1)
    assert np.all(np.abs(var - exact_var) <= exact_var * (u / 2 + v))
    own = np.abs(right_y - beta[:, None])
    assert np.all(
        np.abs(y - right_y) <= u * np.abs(right_y) + own * (2.01 * u + v) + v * np.abs(gamma)[:, None]
    )
    size = np.abs(dy).max(1)
    assert np.all(np.abs(d_beta - right_beta) <= v * size * np.sqrt(values))
    assert np.all(np.abs(d_gamma - right_gamma) <= np.abs(right_gamma) * (u + v) + v * size * np.sqrt(values))
    step = (np.abs(gamma * scale) * size)[:, None]
    assert np.all(np.abs(dx - right_dx.T) <= u * np.abs(right_dx.T) + step * (2 * u + v))


def test_no_gradient_of_a_constant_shift() -> None:
    # Rounding the factors of dx leaves its sum at zero: the offset belongs to them as they were rounded.
    x, dy = channels(FP32, 1024, 1.0, 7)
    x, dy = narrow(x, BF16), narrow(dy, BF16)
    host = unit.Host(BF16, 8, np.float32(1 / 1024), np.float32(EPSILON))
    mean = unit.mean(x, host)
    _, scale = unit.variance(x, mean, host)
    d_beta, d_gamma = unit.reduce(x, dy, mean, scale, host)
    gamma = np.full(6, 1.7, np.float32)
    words = unit.grad_words(gamma, mean, scale, d_gamma, d_beta, host)
    total = unit.elementwise(x, dy, words, FP32).astype(np.float64).sum(1)
    assert np.all(np.abs(total) <= 3e-6 * 1024 * np.abs(gamma * scale) * np.abs(dy).mean(1))


def test_rsqrt_is_within_two_units() -> None:
    # Two octaves hold every significand with both parities of the exponent.
    patterns = np.concatenate([np.arange(1 << 23, 1 << 24, 61) + (exponent << 23) for exponent in (100, 101)])
    values = patterns.astype(np.uint32).view(np.float32)
    found = rsqrt(values)
    exact = 1 / np.sqrt(values.astype(np.float64))
    assert np.all(np.abs(found - exact) <= 2 * np.spacing(exact.astype(np.float32)))
    far = np.array([2.0**-120, 2.0**120, 1e-5, 3.0], np.float32)
    assert np.allclose(rsqrt(far), 1 / np.sqrt(far.astype(np.float64)), rtol=5e-7, atol=0)


def test_floats() -> None:
    tiny = np.float32(2.0**-126)
    assert add(tiny * np.float32(1.5), -tiny) == 0
    assert multiply(tiny, np.float32(0.99999994)) == 0
    assert np.signbit(multiply(-tiny, np.float32(0.5)))
    rng = np.random.default_rng(3)
    values = rng.normal(size=10_000).astype(np.float32)
    right = torch.from_numpy(values).to(torch.bfloat16).to(torch.float32).numpy()
    assert np.array_equal(narrow(values, BF16), right)
    assert np.array_equal(from_bits(to_bits(right, BF16), BF16), right)
