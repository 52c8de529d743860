"""The fast tensor arithmetic equals the integer model bit for bit."""

from dataclasses import replace
from fractions import Fraction
from functools import reduce
from operator import or_

import numpy as np
import pytest
import torch

from golden.lightnorm import LightNormOptions, channel, scalars, tensors, unit
from golden.lightnorm.blocks import encode_floats
from golden.lightnorm.quantise import Met, quantise
from golden.lightnorm.scalars import Float64, Scalars
from golden.spec import block
from golden.spec.block import PRESETS, Flag, GroupAxis, Rounding, Spikes
from golden.spec.learning import NORM_FORMAT

FORMATS = {
    **PRESETS,
    "truncate": block.light(8, Rounding.TRUNCATE),
    "narrow": replace(block.light(16), spike=0, scale=5, reciprocal=6),
    "device": NORM_FORMAT,
}


def same(left: Scalars, right: Scalars) -> None:
    np.testing.assert_array_equal(left.mantissa, right.mantissa)
    np.testing.assert_array_equal(left.exponent, right.exponent)


def as_flag(met: Met) -> Flag:
    """What the integer model says of a whole tensor."""
    names = ("nan", "infinite", "overflow", "underflow")
    return reduce(or_, (Flag[name.upper()] for name in names if getattr(met, name).any()), Flag.NONE)


def check(x: Float64, dy: Float64, gamma: Float64, beta: Float64, options: LightNormOptions) -> None:
    fmt, axis = options.format, options.axis
    host = block.constants(x.shape[1], options.chunks)
    kind = tensors.work_type(fmt)
    gammas, betas = scalars.from_floats(gamma), scalars.from_floats(beta)

    xs, x_flags = encode_floats(x, fmt.forward, axis)
    dys, dy_flags = encode_floats(dy, fmt.gradient, axis)
    fast_x, x_met = quantise(torch.from_numpy(x), fmt.forward, axis)
    fast_dy, dy_met = quantise(torch.from_numpy(dy), fmt.gradient, axis)
    assert (as_flag(x_met), as_flag(dy_met)) == (x_flags, dy_flags)
    fast_x, fast_dy = fast_x.to(kind), fast_dy.to(kind)
    np.testing.assert_array_equal(fast_x.numpy(), xs.floats())
    np.testing.assert_array_equal(fast_dy.numpy(), dys.floats())

    y, found, y_flags = unit.forward(xs, gammas, betas, host, fmt)
    fast = tensors.stat(fast_x, host, fmt)
    for name in ("mean", "scale", "spread"):
        same(getattr(fast, name), getattr(found, name))
    for name in ("flat", "coarse", "window", "highest", "lowest"):
        np.testing.assert_array_equal(getattr(fast, name), getattr(found, name))
    fast_y, y_met = tensors.apply(fast_x, fast, gammas, betas, options)
    np.testing.assert_array_equal(fast_y.numpy(), y.floats())
    assert as_flag(y_met) == y_flags
    words = channel.apply_words(found, gammas, betas, fmt)
    exact = np.ldexp(unit.apply_exact(xs, found, words).astype(float), words.grid[:, None])
    np.testing.assert_array_equal(tensors.apply_exact(fast_x, fast, gammas, betas, fmt).numpy(), exact)

    back = unit.backward(xs, dys, found, gammas, host, fmt, options.spikes)
    gradients = tensors.reduce(fast_x, fast_dy, fast, gammas, host, fmt)
    for name in ("beta", "gamma", "mean", "scale", "spike"):
        same(getattr(gradients, name), getattr(back.gradients, name))
    dx = back.dx.floats() + unit.stored_spikes(found, back.apart, x.shape[1])
    right = torch.from_numpy(dx).to(kind).numpy()
    fast_dx, dx_met, _ = tensors.grad(fast_dy, fast, gradients, options)
    np.testing.assert_array_equal(fast_dx.numpy(), right)
    assert as_flag(dx_met) == back.flags
    grad_words = channel.grad_words(back.gradients, fmt)
    exact = np.ldexp(unit.grad_exact(dys, grad_words).astype(float), grad_words.grid[:, None])
    np.testing.assert_array_equal(tensors.grad_exact(fast_dy, gradients, fmt).numpy(), exact)


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
    x[4] *= 2.0**fmt.forward.exponent_high
    x[5] *= 2.0**fmt.forward.exponent_low
    dy = rng.normal(size=(8, 96)) * 2.0 ** rng.integers(-20, 4, (8, 1))
    dy[4] *= 2.0**fmt.gradient.exponent_high
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
        fast, _ = quantise(torch.from_numpy(x), block.light().forward, axis)
        assert fast.dtype == torch.float32
        np.testing.assert_array_equal(fast.numpy(), blocks.floats())


def test_work_types() -> None:
    assert tensors.work_type(block.light()) == torch.float32
    assert tensors.work_type(block.wide()) == torch.float64
    assert tensors.work_type(block.mxint8()) == torch.float64


@pytest.mark.parametrize("rounding", list(Rounding))
@pytest.mark.parametrize("spikes", [Spikes.BLOCK, Spikes.CLIP])
def test_a_spike_just_beside_a_tie(rounding: Rounding, spikes: Spikes) -> None:
    """A spike of more bits than float32 has, so near to a tie that only its lowest bits tell the side."""
    fmt = block.light(2, rounding)
    options = LightNormOptions(fmt, GroupAxis.PIXELS, spikes, 1)
    ties = [(sign * (2 * kept + 1), side) for kept in range(8, 16) for sign in (1, -1) for side in (1, 0, -1)]
    channels = len(ties)
    nothing = np.zeros(channels, np.int64)
    # The largest dy is 1, so one step of the window is 2**-9; the factor is 2**9, a hair beside 2**36.
    dy = np.zeros((channels, 4))
    dy[:, 2] = 1.0
    dy[:, 0] = [side * 2.0**-9 for _, side in ties]
    one, none = scalars.from_floats(np.ones(channels)), scalars.from_floats(np.zeros(channels))
    pull = scalars.from_floats(np.array([-tie * 2.0**32 * 2.0**-18 for tie, _ in ties]))
    gradients = channel.Gradients(none, none, none, one, pull, nothing + 1)
    places = nothing[:, None]
    found = channel.Statistics(none, one, one, nothing > 0, nothing > 0, nothing, places, places + 3)
    words = channel.grad_words(gradients, fmt)
    assert set(words.scale.tolist()) == {512}
    assert np.abs(words.spike).min() > 1 << 36

    blocks, _ = encode_floats(dy, fmt.gradient)
    right, flags = unit.grad(blocks, found, words, fmt, spikes)
    fast, met, cut = tensors.grad(torch.from_numpy(blocks.floats()).float(), found, gradients, options)
    np.testing.assert_array_equal(fast.double().numpy(), right.floats())
    assert as_flag(met) == flags
    assert not cut[:6].any() or spikes == Spikes.CLIP
    if spikes == Spikes.BLOCK:
        # Its own block: rounded to the side on which it lies, at a tie to the even neighbour.
        unit_size = 2.0 ** (32 + 1 - 18)
        for row, (tie, side) in enumerate(ties):
            exact = Fraction(tie, 2) + Fraction(side, 1 << 20)
            kept = round(exact) if rounding == Rounding.NEAREST else int(exact)
            if abs(kept) <= 15:
                assert fast[row, 0] == kept * unit_size


def test_a_spike_beyond_its_bits_is_told() -> None:
    """The largest pull that its bits hold, and the next one, of both signs."""
    fmt = replace(block.light(), spike=2)
    limit = 2.0 ** (fmt.gradient_window - 1 + fmt.scale + fmt.spike)
    pulls = np.array([limit - 1, limit, 1 - limit, -limit]) * 2.0**-18
    one, none = scalars.from_floats(np.ones(4)), scalars.from_floats(np.zeros(4))
    gradients = channel.Gradients(none, none, none, one, scalars.from_floats(pulls), np.ones(4, np.int64))
    words = channel.grad_words(gradients, fmt)
    assert channel.spikes_cut(gradients, words).tolist() == [False, True, False, True]
