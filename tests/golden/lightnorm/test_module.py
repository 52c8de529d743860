"""LightNorm2d in place of torch.nn.BatchNorm2d: the same interface, the unit's arithmetic, and it trains."""

import copy
import inspect
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from golden.lightnorm import LightNorm2d, LightNormOptions, restore_batch_norm, scalars, swap_batch_norm, unit
from golden.lightnorm.blocks import encode_floats
from golden.spec import block
from golden.spec.block import GroupAxis, Spikes
from golden.workloads import DigitsNet, accuracy, fit, load_digits


def images(seed: int, shape: tuple[int, ...] = (6, 5, 7, 3)) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator) * 2 + 1


def by_channel(x: torch.Tensor) -> np.ndarray:
    return x.detach().double().permute(1, 0, 2, 3).flatten(1).numpy()


@pytest.mark.parametrize("axis", list(GroupAxis))
@pytest.mark.parametrize("spikes", [Spikes.BLOCK, Spikes.CLIP])
def test_training_is_the_integer_model(axis: GroupAxis, spikes: Spikes) -> None:
    """Forward, all gradients and running statistics, through autograd, from float32 images."""
    norm = LightNorm2d(5, options=LightNormOptions(axis=axis, spikes=spikes))
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([1.0, -0.5, 2.0, 0.0, 1.25]))
        norm.bias.copy_(torch.tensor([0.0, 0.1, -3.0, 0.7, 30.0]))
    x = images(1).requires_grad_()
    dy = images(2) * 1e-3
    y = norm(x)
    y.backward(dy)
    fmt, host = block.light(), block.constants(126, 8)
    gamma = scalars.from_floats(norm.weight.detach().double().numpy())
    beta = scalars.from_floats(norm.bias.detach().double().numpy())
    xs, _ = encode_floats(by_channel(x), fmt.forward, axis)
    dys, _ = encode_floats(by_channel(dy), fmt.gradient, axis)
    right, found, _ = unit.forward(xs, gamma, beta, host, fmt)
    back = unit.backward(xs, dys, found, gamma, host, fmt, spikes)
    assert x.grad is not None
    assert norm.weight.grad is not None
    assert norm.bias.grad is not None
    np.testing.assert_array_equal(by_channel(y), right.floats())
    np.testing.assert_array_equal(by_channel(x.grad), back.dx.floats())
    np.testing.assert_array_equal(norm.weight.grad.double().numpy(), back.gradients.gamma.floats())
    np.testing.assert_array_equal(norm.bias.grad.double().numpy(), back.gradients.beta.floats())
    assert norm.running_mean is not None
    assert norm.running_var is not None
    np.testing.assert_allclose(norm.running_mean, 0.1 * found.mean.floats(), rtol=1e-6)
    np.testing.assert_allclose(norm.running_var, 0.9 + 0.1 * found.spread.floats() ** 2, rtol=1e-6)


def test_the_interface_is_batch_norms() -> None:
    ours, theirs = (inspect.signature(kind).parameters for kind in (LightNorm2d, nn.BatchNorm2d))
    assert [name for name in ours if name != "options"] == list(theirs)
    assert [ours[name].default for name in theirs] == [p.default for p in theirs.values()]
    kinds: list[dict[str, Any]] = [
        {},
        {"affine": False},
        {"bias": False},
        {"track_running_stats": False},
        {"momentum": None},
    ]
    for settings in kinds:
        norm, plain = LightNorm2d(4, **settings), nn.BatchNorm2d(4, **settings)
        assert norm(images(1, (2, 4, 3, 3))).shape == (2, 4, 3, 3)
        assert list(norm.state_dict()) == list(plain.state_dict())
        plain.load_state_dict(norm.state_dict())
        norm.load_state_dict(plain.state_dict())


def test_eval_is_the_affine_map_of_the_running_statistics() -> None:
    norm, plain = LightNorm2d(5), nn.BatchNorm2d(5)
    for seed in range(3):
        norm(images(seed))
    plain.load_state_dict(norm.state_dict())
    x = images(9)
    torch.testing.assert_close(norm.eval()(x), plain.eval()(x), rtol=0, atol=0)
    assert int(norm.num_batches_tracked or 0) == 3


def test_without_momentum_the_statistics_are_averages() -> None:
    norm = LightNorm2d(5, momentum=None)
    means = []
    for seed in range(4):
        single = LightNorm2d(5, momentum=1.0)
        single(images(seed))
        norm(images(seed))
        assert single.running_mean is not None
        means.append(single.running_mean)
    torch.testing.assert_close(norm.running_mean, torch.stack(means).mean(0))


def test_without_running_statistics_every_batch_counts() -> None:
    norm = LightNorm2d(5, affine=False, track_running_stats=False)
    x = images(4)
    trained = norm(x)
    torch.testing.assert_close(norm.eval()(x), trained, rtol=0, atol=0)
    assert norm.running_mean is None


def test_swap_and_restore() -> None:
    net = DigitsNet()
    before = dict(net.named_parameters())
    state = copy.deepcopy(net.state_dict())
    options = LightNormOptions(format=block.light(32), axis=GroupAxis.CHANNELS)
    assert swap_batch_norm(net, options) is net
    norms = [m for m in net.modules() if isinstance(m, LightNorm2d)]
    assert len(norms) == 6
    assert all(m.options == options and m.training for m in norms)
    assert all(before[name] is p for name, p in net.named_parameters())
    assert list(net.state_dict()) == list(state)
    net.eval()
    x = images(1, (3, 1, 8, 8))
    right = net(x)
    restore_batch_norm(net)
    assert not any(isinstance(m, LightNorm2d) for m in net.modules())
    torch.testing.assert_close(net(x), right, rtol=0, atol=0)
    assert isinstance(swap_batch_norm(nn.BatchNorm2d(3)), LightNorm2d)
    assert "options=LightNormOptions(" in repr(LightNorm2d(3))


def test_half_precision_comes_back_as_it_went_in() -> None:
    x = images(5).bfloat16().requires_grad_()
    y = LightNorm2d(5)(x)
    y.sum().backward()
    assert y.dtype == torch.bfloat16
    assert x.grad is not None
    assert x.grad.dtype == torch.bfloat16


def test_a_network_learns_digits() -> None:
    """A tenth of a real training: far above chance in a few seconds."""
    torch.manual_seed(0)
    train, test = load_digits()
    net = swap_batch_norm(
        nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 16, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(64, 10),
        )
    )
    fit(net, train, 6, shift=0, rate=1e-2)
    assert accuracy(net, test) >= 0.85
