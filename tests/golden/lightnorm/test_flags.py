"""The flags that LightNorm2d shows: which channel met what, of one batch and of all, over a network."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from golden.lightnorm import (
    LightNorm2d,
    LightNormOptions,
    collect_flags,
    reset_flags,
    swap_batch_norm,
)
from golden.spec import block
from golden.spec.block import PRESETS, GroupAxis, NormFormat, Spikes


def images(seed: int = 0, shape: tuple[int, ...] = (8, 4, 6, 6)) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def options(fmt: NormFormat, spikes: Spikes = Spikes.APART, chunks: int = 8) -> LightNormOptions:
    return LightNormOptions(fmt, GroupAxis.PIXELS, spikes, chunks)


def test_ordinary_batches_have_none() -> None:
    norm = LightNorm2d(4)
    norm(images()).backward(images(1) * 1e-3)
    assert norm.flags.channels() == {}
    assert norm.flags.batches == 1
    assert str(norm.flags) == "1 batch; no flags"


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("sign", [1, -1])
def test_flat_and_coarse(name: str, sign: int) -> None:
    """A constant channel is flat; one that the format makes constant, or nearly so, is coarse too."""
    bits = PRESETS[name].forward.magnitude_bits
    norm = LightNorm2d(4, options=options(PRESETS[name]))
    x = images()
    x[:, 0] = 0.3
    x[:, 1] = 1000 + 1000 * 2.0**-bits / 100 * x[:, 1]
    x[:, 2] = 1000 + 1000 * 2.0**-bits / 3 * x[:, 2]
    y = norm(sign * x)
    assert norm.flags.coarse.tolist() == [0, 1, 1, 0]
    assert norm.flags.flat.tolist() == [1, 1, 0, 0]
    assert not y[:, :2].any()
    # The same channel where the format sees it.
    x[:, 1:3] -= 1000
    norm(sign * x)
    assert norm.flags.channels() == {"flat": [0]}


def test_mean_1000_with_deviation_1_is_told() -> None:
    norm = LightNorm2d(4)
    x = images()
    x[:, 2] += 1000
    y = norm(x)
    assert not y[:, 2].any()
    assert norm.flags.channels() == {"flat": [2], "coarse": [2]}


def test_constant_chunks_are_not_coarse() -> None:
    """No chunk has a range, with levels far apart: the float values have none either."""
    norm = LightNorm2d(1)
    norm((1000 + torch.arange(8.0) * 30)[:, None, None, None].expand(8, 1, 4, 4))
    assert norm.flags.channels() == {"flat": [0]}


def test_zeros_are_flat_alone() -> None:
    norm = LightNorm2d(4)
    x = images()
    x[:, 3] = 0
    norm(x)
    assert norm.flags.channels() == {"flat": [3]}


@pytest.mark.parametrize("axis", list(GroupAxis))
def test_overflow_and_underflow(axis: GroupAxis) -> None:
    """At the largest value and just below it, and values that become zero; in x and y, dy and dx."""
    fmt = block.light(4)
    norm = LightNorm2d(4, options=LightNormOptions(fmt, axis))
    x = images()
    x[0, 1, 0, 0] = 31.5 * 2**11
    x[0, 2, 0, 0] = -31.49 * 2**11
    dy = images(1)
    dy[0, 0, 0, 0] = -15.5 * 2.0**28
    norm(x).backward(dy)
    assert norm.flags.overflow.tolist() == [0, 1, 0, 0]
    assert norm.flags.gradient_overflow[0] == 1

    norm = LightNorm2d(4, options=LightNormOptions(fmt, axis))
    x = images()
    x[:, :, 0, :4] = 0
    x[0, 3, 0, 0] = 2.0**-19
    dy = images(1)
    dy[:, :, 0, :4] = 0
    dy[0, 2, 0, 1] = -(2.0**-35)
    norm(x).backward(dy)
    assert norm.flags.channels() == {"underflow": [3], "gradient_underflow": [2]}
    with torch.no_grad():
        norm.weight[1] = 1e7
    norm(images())
    assert norm.flags.channels() == {"overflow": [1]}


def test_spikes_that_are_cut() -> None:
    """dy along x̂ makes them large. BLOCK cuts at the bits, CLIP also at the group; APART never does."""
    x = images(shape=(8, 4, 20, 20))
    dy = x / 100
    dy[:, 3] = images(1, (8, 20, 20)) * 1e-6
    found = {}
    for name, fmt, spikes in (
        ("few bits", block.NormFormat(*_blocks(), 12, 12, 10, 10, spike=0), Spikes.BLOCK),
        ("enough", block.light(), Spikes.BLOCK),
        ("clip", block.light(), Spikes.CLIP),
        ("apart", block.light(), Spikes.APART),
    ):
        norm = LightNorm2d(4, options=options(fmt, spikes, 1))
        norm(x).backward(dy)
        found[name] = norm.flags.spike.tolist()
    assert found["few bits"] == [1, 1, 1, 0]
    assert found["enough"] == found["apart"] == [0, 0, 0, 0]
    assert found["clip"][:3] == [1, 1, 1]


def _blocks() -> tuple[block.BlockFormat, block.BlockFormat]:
    return block.light().forward, block.light().gradient


def test_counts_over_batches_and_reset() -> None:
    norm = LightNorm2d(4)
    for constant in ([0, 2], [2], []):
        x = images()
        x[:, constant] = 0.5
        norm(x)
    assert norm.flags.channels() == {}
    assert norm.all_flags.batches == 3
    assert norm.all_flags.flat.tolist() == [1, 0, 2, 0]
    assert str(norm.all_flags) == "3 batches; flat: channels 0 (1x), 2 (2x)"
    kept = copy.deepcopy(norm)
    norm.reset_flags()
    assert norm.all_flags.batches == norm.flags.batches == 0
    assert not norm.all_flags.flat.any()
    assert kept.all_flags.flat.tolist() == [1, 0, 2, 0]
    # Eval mode has no blocks and no flags; `state_dict` is BatchNorm2d's.
    norm.eval()(torch.full((1, 4, 3, 3), 0.5))
    assert norm.all_flags.batches == 0
    assert list(norm.state_dict()) == list(nn.BatchNorm2d(4).state_dict())


def test_a_backward_pass_joins_the_last_batch() -> None:
    norm = LightNorm2d(4)
    x = images()
    x[:, 0] = 1
    dy = images(1)
    dy[0, 1, 0, 0] = 1e20
    y = norm(x)
    for _ in range(2):
        y.backward(dy, retain_graph=True)
    assert norm.flags.channels() == {"flat": [0], "gradient_overflow": [1]}
    assert norm.flags.gradient_overflow.tolist() == [0, 1, 0, 0]
    assert norm.all_flags.gradient_overflow.tolist() == [0, 2, 0, 0]


def test_flags_of_a_network() -> None:
    conv = nn.Conv2d(4, 2, 1)
    with torch.no_grad():
        conv.weight[1] = 0
    net = swap_batch_norm(nn.Sequential(nn.BatchNorm2d(4), nn.Sequential(conv, nn.BatchNorm2d(2))))
    net(images())
    found = collect_flags(net)
    assert list(found) == ["0", "1.1"]
    assert found["0"].channels() == {}
    assert found["1.1"].channels() == {"flat": [1]}
    assert str(found["1.1"]) == "1 batch; flat: channel 1"
    reset_flags(net)
    assert all(flags.batches == 0 for flags in collect_flags(net).values())
    assert np.array_equal(collect_flags(net)["1.1"].flat, [0, 0])
