"""The fast tensor arithmetic equals the integer model bit for bit."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from golden.lightnorm import LightNormOptions, scalars, tensors, unit
from golden.lightnorm.blocks import encode_floats
from golden.lightnorm.scalars import Float64, Scalars
from golden.spec import block
from golden.spec.block import PRESETS, GroupAxis, Rounding, Spikes

FORMATS = {
    **PRESETS,
    "truncate": block.light(8, Rounding.TRUNCATE),
    "narrow": replace(block.light(16), spike=0, scale=5, reciprocal=6),
}


def same(left: Scalars, right: Scalars) -> None:
    np.testing.assert_array_equal(left.mantissa, right.mantissa)
    np.testing.assert_array_equal(left.exponent, right.exponent)


def check(x: Float64, dy: Float64, gamma: Float64, beta: Float64, options: LightNormOptions) -> None:
    fmt, axis = options.format, options.axis
    host = block.constants(x.shape[1], options.chunks)
    kind = tensors.work_type(fmt)
    gammas, betas = scalars.from_floats(gamma), scalars.from_floats(beta)

    xs, _ = encode_floats(x, fmt.forward, axis)
    dys, _ = encode_floats(dy, fmt.gradient, axis)
    fast_x = tensors.quantise(torch.from_numpy(x), fmt.forward, axis).to(kind)
    fast_dy = tensors.quantise(torch.from_numpy(dy), fmt.gradient, axis).to(kind)
    np.testing.assert_array_equal(fast_x.numpy(), xs.floats())
    np.testing.assert_array_equal(fast_dy.numpy(), dys.floats())

    y, found, _ = unit.forward(xs, gammas, betas, host, fmt)
    fast = tensors.stat(fast_x, host, fmt)
    for name in ("mean", "scale", "spread"):
        same(getattr(fast, name), getattr(found, name))
    for name in ("flat", "window", "highest", "lowest"):
        np.testing.assert_array_equal(getattr(fast, name), getattr(found, name))
    np.testing.assert_array_equal(tensors.apply(fast_x, fast, gammas, betas, options).numpy(), y.floats())

    back = unit.backward(xs, dys, found, gammas, host, fmt, options.spikes)
    gradients = tensors.reduce(fast_x, fast_dy, fast, gammas, host, fmt)
    for name in ("beta", "gamma", "mean", "scale", "spike"):
        same(getattr(gradients, name), getattr(back.gradients, name))
    dx = back.dx.floats() + unit.stored_spikes(found, back.apart, x.shape[1])
    right = torch.from_numpy(dx).to(kind).numpy()
    np.testing.assert_array_equal(tensors.grad(fast_dy, fast, gradients, options).numpy(), right)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("axis", list(GroupAxis))
@pytest.mark.parametrize("spikes", list(Spikes))
def test_random_tensors(name: str, axis: GroupAxis, spikes: Spikes) -> None:
    options = LightNormOptions(FORMATS[name], axis, spikes)
    for seed, values in enumerate((2, 3, 37, 128, 301)):
        rng = np.random.default_rng(seed)
        shape, channels = (6, values), (6, 1)
        x = rng.normal(size=shape) * 2.0 ** rng.integers(-8, 9, channels)
        x += rng.normal(size=channels) * 2.0 ** rng.integers(-8, 9, channels)
        dy = rng.normal(size=shape) * 2.0 ** rng.integers(-12, 6, channels) + (seed % 2) * x
        gamma = rng.normal(size=6).astype(np.float32).astype(np.float64)
        beta = (rng.normal(size=6) * 2.0 ** rng.integers(-8, 8, 6)).astype(np.float32).astype(np.float64)
        check(x, dy, gamma, beta, options)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("chunks", [1, 8])
def test_corner_cases(name: str, chunks: int) -> None:
    """Constant channels and chunks, ties, an outlier, zero and negative gamma, the ends of the range."""
    fmt = PRESETS[name]
    rng = np.random.default_rng(9)
    x = rng.normal(size=(8, 96))
    x[0] = 0.75
    x[1] = np.repeat(np.arange(6.0), 16)
    x[2] = np.round(x[2])
    x[3, 40] = 3000.0
    x[4] *= 2.0 ** (fmt.forward.exponent_high - 1)
    x[5] *= 2.0**fmt.forward.exponent_low
    dy = rng.normal(size=(8, 96)) * 2.0 ** rng.integers(-20, 4, (8, 1))
    dy[6] = 0
    dy[7] = x[7]
    gamma = np.array([1, 1, -2, 1, 0, 1, 1, 0.5])
    beta = np.array([0.5, 0, 100, 0, -3, 0, 0, 0])
    for spikes in Spikes:
        check(x, dy, gamma, beta, LightNormOptions(fmt, GroupAxis.PIXELS, spikes, chunks))


def test_float32_input_is_read_exactly() -> None:
    x = np.random.default_rng(3).normal(size=(4, 64)).astype(np.float32)
    x[0, :4] = [np.nan, np.inf, -np.inf, 1e-42]
    for axis in GroupAxis:
        blocks, _ = encode_floats(x, block.light().forward, axis)
        fast = tensors.quantise(torch.from_numpy(x), block.light().forward, axis)
        assert fast.dtype == torch.float32
        np.testing.assert_array_equal(fast.numpy(), blocks.floats())


def test_work_types() -> None:
    assert tensors.work_type(block.light()) == torch.float32
    assert tensors.work_type(block.wide()) == torch.float64
    assert tensors.work_type(block.mxint8()) == torch.float64
