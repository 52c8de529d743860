"""The unit's model against rational arithmetic bit for bit, and every corner case of the contract."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from golden.lightnorm import scalars, unit
from golden.lightnorm.blocks import Blocks, encode_floats
from golden.lightnorm.scalars import Float64, Scalars
from golden.spec import block
from golden.spec.block import PRESETS, Flag, FormatError, GroupAxis, NormFormat, Rounding, Spikes
from tests.golden.lightnorm import naive
from tests.selection import first_or_long

TRUNCATING = block.light(8, Rounding.TRUNCATE)
FORMATS = {
    **PRESETS,
    "truncate": TRUNCATING,
    "narrow": replace(block.light(), spike=0, scale=5, reciprocal=6),
}


def fractions(values: Float64) -> list[list[Fraction]]:
    return [[Fraction(float(v)) for v in row] for row in values]


def one(values: Scalars, channel: int) -> Fraction:
    return int(values.mantissa[channel]) * naive.two(int(values.exponent[channel]))


def encoded(
    rows: list[list[Fraction]], quiet: list[list[bool]], fmt: block.BlockFormat, axis: GroupAxis
) -> list[list[Fraction]]:
    """All groups through the naive encoder."""
    if axis == GroupAxis.CHANNELS:
        turned = encoded(
            [list(r) for r in zip(*rows, strict=True)],
            [list(r) for r in zip(*quiet, strict=True)],
            fmt,
            GroupAxis.PIXELS,
        )
        return [list(r) for r in zip(*turned, strict=True)]
    return [
        [
            value
            for start in range(0, len(row), fmt.group)
            for value in naive.encode(row[start : start + fmt.group], mask[start : start + fmt.group], fmt)
        ]
        for row, mask in zip(rows, quiet, strict=True)
    ]


def check(
    x: Float64,
    dy: Float64,
    gamma: Float64,
    beta: Float64,
    wanted: int,
    fmt: NormFormat,
    axis: GroupAxis = GroupAxis.PIXELS,
    spikes: Spikes = Spikes.BLOCK,
) -> tuple[Blocks, unit.Backward]:
    """Runs model and oracle on encoded x and dy, compares every number, returns y and the backward pass."""
    constants = block.constants(x.shape[1], wanted)
    xs, _ = encode_floats(x, fmt.forward, axis)
    dys, _ = encode_floats(dy, fmt.gradient, axis)
    gammas, betas = scalars.from_floats(gamma), scalars.from_floats(beta)
    y, found, _ = unit.forward(xs, gammas, betas, constants, fmt)
    back = unit.backward(xs, dys, found, gammas, constants, fmt, spikes)
    raw_y, raw_dx, quiet = [], [], []
    for c, (values, errors) in enumerate(zip(fractions(xs.floats()), fractions(dys.floats()), strict=True)):
        right = naive.stat(values, constants, fmt)
        assert one(found.mean, c) == right.mean
        assert one(found.scale, c) == right.scale
        assert one(found.spread, c) == right.spread
        assert found.coarse[c] == right.coarse
        assert found.highest[c].tolist() == right.highest
        assert found.lowest[c].tolist() == right.lowest
        raw_y.append(naive.apply(values, right, one(gammas, c), one(betas, c), fmt))
        result = naive.backward(values, errors, right, one(gammas, c), constants, fmt, spikes)
        assert one(back.gradients.gamma, c) == result.gamma
        assert one(back.gradients.beta, c) == result.beta
        assert one(back.apart, c) == (result.spike if spikes == Spikes.APART else 0)
        raw_dx.append(result.dx)
        ends = {*right.highest, *right.lowest}
        quiet.append([spikes == Spikes.CLIP and i in ends for i in range(len(values))])
    none = [[False] * len(row) for row in raw_y]
    assert fractions(y.floats()) == encoded(raw_y, none, fmt.forward, axis)
    assert fractions(back.dx.floats()) == encoded(raw_dx, quiet, fmt.gradient, axis)
    return y, back


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("axis", first_or_long(GroupAxis))
@pytest.mark.parametrize("spikes", list(Spikes))
def test_random_tensors(name: str, axis: GroupAxis, spikes: Spikes) -> None:
    rng = np.random.default_rng(7)
    for values, wanted in ((2, 1), (77, 8), (49, 3)):
        shape = (5, values)
        # Means and sizes far apart, a few outliers, gradients of any size.
        x = (
            rng.normal(size=shape)
            * 2.0 ** rng.integers(-12, 12, (5, 1))
            * (1 + 50 * (rng.random(shape) < 0.02))
        )
        x += rng.normal(size=(5, 1)) * 2.0 ** rng.integers(-12, 12, (5, 1))
        dy = rng.normal(size=shape) * 2.0 ** rng.integers(-40, 40, (5, 1)) * 2.0 ** rng.integers(-8, 3, shape)
        gamma = rng.normal(size=5).astype(np.float32).astype(np.float64)
        beta = (rng.normal(size=5) * 2.0 ** rng.integers(-12, 12, 5)).astype(np.float32).astype(np.float64)
        check(x, dy, gamma, beta, wanted, FORMATS[name], axis, spikes)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("wanted", [1, 8])
def test_constant_channels(name: str, wanted: int) -> None:
    """R = 0: y = β, dx = 0, dγ = 0, beside channels that are large and small."""
    rng = np.random.default_rng(3)
    x = np.stack([np.full(128, 0.75), rng.normal(size=128) * 1000, np.zeros(128), rng.normal(size=128)])
    dy = rng.normal(size=x.shape)
    beta = np.array([0.5, 1.0, -2.0, 0.0])
    y, back = check(x, dy, np.array([2.0, 1.0, -3.0, 1.0]), beta, wanted, PRESETS[name])
    assert (y.floats()[0] == 0.5).all()
    assert (y.floats()[2] == -2.0).all()
    for c in (0, 2):
        assert not back.dx.magnitudes[c].any()
        assert back.gradients.gamma.mantissa[c] == 0


def test_constant_chunks_of_different_levels() -> None:
    """The chunks have no range though the channel has one: R = 0 rules, never 1/ε."""
    x = np.repeat(np.arange(8.0), 16)[None]
    y, back = check(x, np.ones((1, 128)), np.ones(1), np.full(1, 0.25), 8, block.light())
    assert (y.floats() == 0.25).all()
    assert not back.dx.magnitudes.any()


def test_chunk_ranges_do_not_bound_the_channel() -> None:
    """Small ranges at levels far apart: x̂ is far above 1 and y saturates at the format's largest value."""
    x = np.repeat(np.arange(8.0) * 1000, 16)[None] + np.tile([0.0, 2.0**-4], 64)[None] * (np.arange(128) < 16)
    y, _ = check(x, np.ones((1, 128)), np.full(1, 50.0), np.zeros(1), 8, block.light())
    assert np.abs(y.floats()).max() == 31 * 2.0**11


def test_constants_beside_large_channels_share_a_group() -> None:
    x = np.stack([np.full(32, 1.0), np.random.default_rng(5).normal(size=32) * 5000])
    y, _ = check(x, np.ones((2, 32)), np.ones(2), np.ones(2), 1, block.light(), GroupAxis.CHANNELS)
    assert y.exponents.shape == (1, 32)


@pytest.mark.parametrize("epsilon", [0.0, 1e-5, 2.0**-40])
def test_epsilon_below_the_smallest_number(epsilon: float) -> None:
    """ε is far below the grid of the values and still counts: the divisor is a scalar."""
    fmt = block.light()
    tiny = 2.0**fmt.forward.grid
    x = np.zeros((1, 16))
    x[0, 3] = tiny
    constants = block.constants(16, 1, epsilon)
    found = unit.stat(encode_floats(x, fmt.forward)[0], constants, fmt)
    spread = constants.spread.mantissa * 2.0**constants.spread.exponent
    assert found.scale.floats()[0] == pytest.approx(1 / (spread * tiny + epsilon), rel=2**-8)


def test_gamma_zero_and_negative() -> None:
    rng = np.random.default_rng(11)
    x, dy = rng.normal(size=(3, 64)), rng.normal(size=(3, 64))
    y, back = check(x, dy, np.array([0.0, -1.0, 1.0]), np.array([0.3, 0.0, 0.0]), 8, block.wide())
    assert len(set(y.floats()[0])) == 1
    assert not back.dx.magnitudes[0].any()
    assert back.gradients.gamma.mantissa[0] != 0


@pytest.mark.parametrize("name", ["light", "wide", "mxint8"])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_spread_below_a_step_of_the_format(name: str, sign: int) -> None:
    """Far from zero: from a constant channel up to ranges of several steps; beside it, means on both sides of
    a power of two, and ranges of the smallest step of all. The oracle compares rationals."""
    fmt = PRESETS[name]
    bits = fmt.forward.magnitude_bits
    smallest = 2.0**fmt.forward.grid
    rows = []
    for mean, step in (
        (1000.0, 2.0 ** (10 - bits)),
        (1024.0, 2.0 ** (11 - bits)),
        (1e4, 2.0 ** (14 - bits)),
        (smallest, smallest),
        (0.0, smallest),
    ):
        for steps in (0, 1, 2, 3, 4, 6, 8):
            row = np.full(32, mean)
            row[1::2] += steps * step
            rows.append(sign * row)
    x = np.array(rows)
    check(x, np.ones_like(x), np.ones(len(x)), np.ones(len(x)), 1, fmt)
    found = unit.stat(encode_floats(x, fmt.forward)[0], block.constants(32, 1), fmt)
    told = found.coarse.reshape(5, 7)
    # C is 0.38 for n = 32 in one chunk, so a range of three steps is a spread of more than one.
    assert told[[0, 2, 3, 4], :3].all()
    assert not told[[3, 4], 3:].any()
    assert not told[:, -1].any()


def test_a_mean_of_zero_has_the_smallest_step() -> None:
    """Zero has no place of a leading one: the smallest step of the format counts."""
    fmt = block.light()
    x = np.tile([1.0, -1.0], (3, 16)) * np.array([[1000.0], [0.75], [2.0**fmt.forward.grid]])
    check(x, np.ones_like(x), np.ones(3), np.ones(3), 1, fmt)
    found = unit.stat(encode_floats(x, fmt.forward)[0], block.constants(32, 1), fmt)
    assert not found.mean.mantissa.any()
    assert found.coarse.tolist() == [False, False, True]


@pytest.mark.parametrize(("mean", "deviation"), [(1000, 1), (-1000, 1), (100, 0.1), (3e4, 300), (1e-3, 1e-6)])
def test_a_channel_far_from_zero_is_told(mean: float, deviation: float) -> None:
    """`light` says that it cannot see the channel; the same channel around zero is seen."""
    x = np.random.default_rng(1).normal(size=(2, 512)) * deviation
    x[0] += mean
    found = unit.stat(encode_floats(x, block.light().forward)[0], block.constants(512), block.light())
    assert found.coarse.tolist() == [True, deviation < 1e-4]


def test_ties_take_the_first_index() -> None:
    x = np.tile([0.0, 1.0, -1.0, 1.0, -1.0, 0.5, 0.0, 0.0], 4)[None]
    found = unit.stat(encode_floats(x, block.light().forward)[0], block.constants(32, 2), block.light())
    assert found.highest.tolist() == [[1, 17]]
    assert found.lowest.tolist() == [[2, 18]]


@pytest.mark.parametrize("name", PRESETS)
def test_one_outlier_and_the_ends_of_the_exponents(name: str) -> None:
    fmt = PRESETS[name]
    rng = np.random.default_rng(13)
    high, low = 2.0**fmt.forward.exponent_high, 2.0 ** (fmt.forward.exponent_low + 1)
    x = np.stack([rng.normal(size=96), rng.uniform(-1, 1, 96) * high, rng.uniform(-1, 1, 96) * low])
    x[0, 50] = 10000.0
    dy = rng.normal(size=(3, 96)) * 2.0 ** np.array(
        [[0], [fmt.gradient.exponent_high - 3], [fmt.gradient.exponent_low]]
    )
    for spikes in Spikes:
        check(x, dy, np.ones(3), np.ones(3), 8, fmt, GroupAxis.PIXELS, spikes)


def test_gradients_of_zero() -> None:
    x = np.random.default_rng(2).normal(size=(2, 40))
    _, back = check(x, np.zeros((2, 40)), np.ones(2), np.ones(2), 8, block.light())
    assert not back.dx.magnitudes.any()
    assert back.gradients.beta.floats().tolist() == [0.0, 0.0]


def test_a_dominant_spike() -> None:
    """dy along x̂: the spikes tower over the rest, and each treatment does what it says."""
    x = np.random.default_rng(17).normal(size=(1, 512))
    dy = x / 100
    results = {s: check(x, dy, np.ones(1), np.zeros(1), 1, block.light(), spikes=s)[1] for s in Spikes}
    place = int(np.argmax(x))
    assert results[Spikes.BLOCK].apart.mantissa[0] == 0
    block_dx, clip_dx = results[Spikes.BLOCK].dx.floats()[0], results[Spikes.CLIP].dx.floats()[0]
    assert abs(block_dx[place]) > 8 * abs(clip_dx[place])
    # Neighbours in the spike's block keep more of themselves when it has no say.
    group = slice(place // 4 * 4, place // 4 * 4 + 4)
    assert np.count_nonzero(clip_dx[group]) > np.count_nonzero(block_dx[group])
    assert results[Spikes.APART].apart.floats()[0] == pytest.approx(
        -block_dx[place] + results[Spikes.APART].dx.floats()[0][place], rel=0.05
    )


def test_flags_come_out() -> None:
    fmt = block.light()
    x = encode_floats(np.random.default_rng(1).normal(size=(1, 64)), fmt.forward)[0]
    many = scalars.from_floats(np.full(1, 1e6))
    few = scalars.from_floats(np.full(1, 1e-9))
    none = scalars.from_floats(np.zeros(1))
    constants = block.constants(64, 8)
    assert unit.forward(x, many, none, constants, fmt)[2] == Flag.OVERFLOW
    assert unit.forward(x, few, none, constants, fmt)[2] == Flag.UNDERFLOW


def test_other_blocks_are_refused() -> None:
    fmt = block.light()
    x = encode_floats(np.ones((1, 64)), block.wide().forward)[0]
    with pytest.raises(
        FormatError, match=r"^x: blocks of BlockFormat\(magnitude_bits=8.*; this unit takes Block"
    ):
        unit.stat(x, block.constants(64), fmt)
    x = encode_floats(np.ones((1, 64)), fmt.forward)[0]
    with pytest.raises(FormatError, match=r"^x: 64 values a channel; the constants are for 65$"):
        unit.stat(x, block.constants(65), fmt)
    found = unit.stat(x, block.constants(64), fmt)
    with pytest.raises(FormatError, match=r"^dy: blocks of BlockFormat\(magnitude_bits=5"):
        unit.backward(x, x, found, scalars.from_floats(np.ones(1)), block.constants(64), fmt)
