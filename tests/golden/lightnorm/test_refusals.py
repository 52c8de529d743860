"""What LightNorm2d refuses, in words: a training that has diverged never looks alive."""

import math
import re
from typing import Any

import pytest
import torch
from torch import nn

from golden.lightnorm import LightNorm2d, LightNormOptions, NormError, swap_batch_norm
from golden.lightnorm.blocks import Bool
from golden.spec.block import PRESETS

NAN, INF = math.nan, math.inf
MXINT8 = LightNormOptions(PRESETS["mxint8"])
LARGEST = torch.finfo(torch.float32).max


def images(shape: tuple[int, ...] = (4, 3, 5, 5), seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def spoil(norm: nn.Module, name: str, value: float, channel: int = 1) -> None:
    with torch.no_grad():
        getattr(norm, name)[channel] = value


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("weight", "gamma (weight)"),
        ("bias", "beta (bias)"),
        ("running_mean", "running_mean"),
        ("running_var", "running_var"),
    ],
)
def test_what_a_layer_keeps_must_be_finite(name: str, told: str, value: float, training: bool) -> None:
    net = swap_batch_norm(nn.Sequential(nn.ReLU(), nn.BatchNorm2d(3))).train(training)
    spoil(net.get_submodule("1"), name, value)
    expected = f"LightNorm2d at 1: {told} is {value} in channel 1; legal: finite; has the training diverged?"
    with pytest.raises(NormError, match=f"^{re.escape(expected)}$"):
        net(images())


def test_running_statistics_that_no_variance_has() -> None:
    norm = LightNorm2d(3, eps=0)
    spoil(norm, "running_var", -0.5, 2)
    with pytest.raises(
        NormError, match=r"^LightNorm2d: running_var is -0\.5 in channel 2; legal: 0 or more$"
    ):
        norm(images())
    norm = LightNorm2d(3, eps=0).eval()
    spoil(norm, "running_var", 0.0, 0)
    with pytest.raises(
        NormError, match=r"running_var is 0 in channel 0; legal: above 0 in eval mode with eps = 0"
    ):
        norm(images())
    norm.eps = 1e-5
    assert norm(images()).isfinite().all()


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_an_input_that_is_not_finite(value: float) -> None:
    """Refused in training, where it would become an ordinary number; as BatchNorm2d's in eval mode."""
    norm = LightNorm2d(3)
    x = images()
    x[2, 1, 0, 4] = value
    expected = rf"^LightNorm2d: input is {value} in channel 1 \(image 2, row 0, column 4\); legal in training"
    with pytest.raises(NormError, match=expected):
        norm(x)
    assert norm.flags.channels() == {"nan" if math.isnan(value) else "infinite": [1]}
    assert norm.running_mean is not None
    assert not norm.running_mean.any()
    assert int(norm.num_batches_tracked or 0) == 0
    assert not norm.eval()(x).isfinite().all()


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_a_gradient_that_is_not_finite_stays_so(value: float) -> None:
    """The channel's gradients are NaN, as BatchNorm2d's are: what looks for them (GradScaler) finds them."""
    grads: list[list[Bool]] = []
    for norm in (LightNorm2d(3), nn.BatchNorm2d(3)):
        x = images().requires_grad_()
        dy = images(seed=1)
        dy[0, 2, 3, 3] = value
        norm(x).backward(dy)
        parts = (x.grad, norm.weight.grad, norm.bias.grad)
        axes = ((0, 2, 3), (), ())
        grads.append([])
        for part, axis in zip(parts, axes, strict=True):
            assert part is not None
            bad = ~part.isfinite()
            grads[-1].append((bad.all(3).all(2).all(0) if axis else bad).numpy())
    for ours, theirs in zip(*grads, strict=True):
        assert ours.tolist() == theirs.tolist() == [False, False, True]


def test_the_gradients_flags_name_the_channel() -> None:
    norm = LightNorm2d(3)
    dy = images(seed=1)
    dy[0, 2, 3, 3], dy[0, 0, 0, 0] = NAN, INF
    norm(images().requires_grad_()).backward(dy)
    assert norm.flags.channels() == {"nan": [2], "infinite": [0]}
    assert norm.weight.grad is not None
    assert norm.weight.grad[1].isfinite()


def test_second_derivatives_are_refused() -> None:
    """First ones with create_graph are the same as without; none of the three gives a second one."""
    norm = LightNorm2d(3)
    x = images().requires_grad_()
    plain = torch.autograd.grad(norm(x).square().sum(), (x, norm.weight, norm.bias))
    again = torch.autograd.grad(norm(x).square().sum(), (x, norm.weight, norm.bias), create_graph=True)
    for one, other in zip(plain, again, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
        with pytest.raises(NormError, match=r"^LightNorm2d: its gradients were differentiated again"):
            other.sum().backward(retain_graph=True)
    # The gradient that comes in may itself need none.
    (found,) = torch.autograd.grad(norm(x), x, torch.ones_like(x), create_graph=True)
    with pytest.raises(NormError, match=r"gradient penalty\); legal: first derivatives"):
        torch.autograd.grad(found.square().sum(), x)
    weights = torch.ones(3, requires_grad=True)
    (found,) = torch.autograd.grad(norm(x).sum((0, 2, 3)) @ weights, x, create_graph=True)
    with pytest.raises(NormError, match=r"gradient penalty\)"):
        torch.autograd.grad(found.square().sum(), weights)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("size", [1e-45, 1e-30, 1e-10, 1.0, 1e9, 1e18])
@pytest.mark.parametrize("name", PRESETS)
def test_running_statistics_of_any_size(name: str, size: float, sign: int) -> None:
    norm = LightNorm2d(3, options=LightNormOptions(PRESETS[name]))
    y = norm((images() + 2) * size * sign)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    for values in (y, norm.running_mean, norm.running_var, norm.eval()(images() * size)):
        assert values.isfinite().all()
    assert (norm.running_var > 0).all()


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("size", [1e21, 1e30, LARGEST / 8])
def test_a_variance_beyond_its_type_is_refused(size: float, sign: int) -> None:
    """Nothing is written, in none of the buffers; without running statistics the layer goes on."""
    norm = LightNorm2d(3, options=MXINT8)
    x = images()
    x[:, 1] *= sign * size
    before = {name: value.clone() for name, value in norm.state_dict().items()}
    expected = r"^LightNorm2d: the next running_var is \S+e\+\d+ in channel 1; legal: within torch\.float32"
    with pytest.raises(NormError, match=expected):
        norm(x)
    for key, value in norm.state_dict().items():
        torch.testing.assert_close(value, before[key], rtol=0, atol=0)
    free = LightNorm2d(3, track_running_stats=False, options=MXINT8)
    assert free(x).isfinite().all()
    free.train(False)
    assert free(x).isfinite().all()


def test_running_statistics_whose_difference_is_beyond_their_type() -> None:
    """From one end of float32 to the other, and a square that fits once it is averaged."""
    norm = LightNorm2d(1, options=MXINT8)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    for value in (3e38, -3e38):
        norm.running_mean.fill_(-value)
        norm(torch.full((1, 1, 4, 4), value))
        torch.testing.assert_close(norm.running_mean, torch.tensor([-0.8 * value]), rtol=0.02, atol=0)
    norm = LightNorm2d(1, momentum=1e-3, options=MXINT8)
    norm(images((4, 1, 5, 5)) * 1e19)
    assert norm.running_var is not None
    assert 1e34 < float(norm.running_var) < 1e37


def test_half_precision_that_does_not_hold_the_results() -> None:
    norm = LightNorm2d(3, options=MXINT8).half()
    with pytest.raises(
        NormError, match=r"the next running_var is \S+ in channel 0; legal: within torch\.float16"
    ):
        norm((images() * 5000).half())
    norm = LightNorm2d(3, options=MXINT8)
    spoil(norm, "weight", 1e6, 2)
    with pytest.raises(
        NormError, match=r"^LightNorm2d: output is \S+ in channel 2; legal: within torch\.float16"
    ):
        norm(images().half())
    assert norm(images()).isfinite().all()


def test_gradients_are_of_their_parameters_type() -> None:
    """A sum of half-precision gradients beyond float16 arrives whole in float32 parameters."""
    norm = LightNorm2d(3)
    norm(images().half()).backward(torch.full((4, 3, 5, 5), 1000.0).half())
    assert norm.bias.grad is not None
    assert norm.bias.grad.tolist() == pytest.approx([1e5] * 3, rel=0.05)
    assert norm.flags.channels() == {}


def test_sums_beyond_float32_are_told() -> None:
    norm = LightNorm2d(3, options=MXINT8)
    dy = images(seed=1)
    dy[:, 1] = 1e38
    norm(images()).backward(dy)
    assert norm.bias.grad is not None
    assert norm.bias.grad.isinf().tolist() == [False, True, False]
    assert norm.flags.channels()["gradient_overflow"] == [1]


def test_double_inputs_are_rounded_once() -> None:
    """A hair above a tie of 5-bit magnitudes, which float32 does not see."""
    x = torch.zeros(1, 1, 2, 8, dtype=torch.float64)
    x[0, 0, 0, 0], x[0, 0, 0, 1] = 1.0, 1 + 2**-5 + 2.0**-40
    norm = LightNorm2d(1, momentum=1.0)
    y = norm(x)
    assert y.dtype == torch.float64
    assert norm.running_mean is not None
    assert float(norm.running_mean) == (1 + 1 + 2**-4) / 16


def test_parameters_beyond_float32() -> None:
    norm = LightNorm2d(3, dtype=torch.float64)
    spoil(norm, "bias", -1e300, 0)
    with pytest.raises(
        NormError, match=r"^LightNorm2d: beta \(bias\) is -1e\+300 in channel 0; legal: a float32"
    ):
        norm(images().double())


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"eps": -1e-5}, "eps = -1e-05; legal: finite, 0 or more"),
        ({"eps": NAN}, "eps = nan; legal: finite, 0 or more"),
        ({"momentum": NAN}, "momentum = nan; legal: 0…1, or None for plain averages"),
        ({"momentum": 1.5}, "momentum = 1.5; legal: 0…1, or None for plain averages"),
    ],
)
def test_settings(settings: dict[str, Any], told: str, training: bool) -> None:
    """When the layer is made, when it has been changed, and when batch norm with such settings is swapped."""
    with pytest.raises(NormError, match=f"^LightNorm2d: {re.escape(told)}$"):
        LightNorm2d(3, **settings)
    norm = LightNorm2d(3).train(training)
    for name, value in settings.items():
        setattr(norm, name, value)
    with pytest.raises(NormError, match=f"^LightNorm2d: {re.escape(told)}$"):
        norm(images())
    with pytest.raises(NormError, match=f"^BatchNorm2d at the module: {re.escape(told)}$"):
        swap_batch_norm(nn.BatchNorm2d(3, **settings))


@pytest.mark.parametrize(
    ("shape", "training", "told"),
    [
        ((1, 3, 1, 1), True, "input of shape (1, 3, 1, 1) has n = 1 values a channel; legal"),
        ((0, 3, 5, 5), True, "input of shape (0, 3, 5, 5) has n = 0 values a channel; legal"),
        ((2, 4, 3, 3), True, "input has 4 channels; expected 3"),
        ((2, 4, 3, 3), False, "input has 4 channels; expected 3"),
        ((3, 3), True, "expected 4D input (got 2D input of shape (3, 3))"),
        ((3, 5, 5), False, "expected 4D input (got 3D input of shape (3, 5, 5))"),
    ],
)
def test_shapes(shape: tuple[int, ...], training: bool, told: str) -> None:
    with pytest.raises(NormError, match=f"^LightNorm2d: {re.escape(told)}"):
        LightNorm2d(3).train(training)(torch.zeros(shape))


def test_shapes_of_eval_mode() -> None:
    """Running statistics need no batch: one value or none will do, unless there are no such statistics."""
    norm = LightNorm2d(3).eval()
    assert norm(torch.zeros(1, 3, 1, 1)).shape == (1, 3, 1, 1)
    assert norm(torch.zeros(0, 3, 5, 5)).shape == (0, 3, 5, 5)
    with pytest.raises(NormError, match=r"n = 1 values a channel; legal with statistics of the batch"):
        LightNorm2d(3, track_running_stats=False).eval()(torch.zeros(1, 3, 1, 1))


@pytest.mark.parametrize("kind", [torch.int64, torch.complex64])
def test_types(kind: torch.dtype) -> None:
    with pytest.raises(NormError, match=rf"^LightNorm2d: input of {kind}; legal: a floating-point type$"):
        LightNorm2d(3)(torch.ones(2, 3, 4, 4, dtype=kind))


def test_memory_order_changes_nothing() -> None:
    x = images()
    right = LightNorm2d(3)(x)
    for other in (x.to(memory_format=torch.channels_last), x.transpose(2, 3).contiguous().transpose(2, 3)):
        assert not other.is_contiguous()
        torch.testing.assert_close(LightNorm2d(3)(other), right, rtol=0, atol=0)


@pytest.mark.parametrize(
    "other", [nn.BatchNorm1d(8), nn.BatchNorm3d(8), nn.SyncBatchNorm(8), nn.LazyBatchNorm2d()]
)
def test_other_batch_norms_are_not_left_behind(other: nn.Module) -> None:
    net = nn.Sequential(nn.BatchNorm2d(3), nn.Sequential(nn.ReLU(), other))
    kind = type(other).__name__
    with pytest.raises(NormError, match=rf"^no LightNorm for 1\.1 \({kind}\); legal: BatchNorm2d alone$"):
        swap_batch_norm(net)
    assert type(net[0]) is nn.BatchNorm2d


@pytest.mark.parametrize("name", ["weight", "bias", "running_mean", "running_var"])
def test_a_network_with_nan_is_not_swapped(name: str) -> None:
    net = nn.Sequential(nn.BatchNorm2d(3), nn.Sequential(nn.BatchNorm2d(3)))
    spoil(net.get_submodule("1.0"), name, NAN, 2)
    with pytest.raises(NormError, match=r"^BatchNorm2d at 1\.0: .* is nan in channel 2; legal: finite"):
        swap_batch_norm(net)
    assert not any(isinstance(layer, LightNorm2d) for layer in net.modules())


def test_a_layer_in_two_places_is_swapped_in_both() -> None:
    norm = nn.BatchNorm2d(3)
    net = nn.Sequential(norm, nn.ReLU(), norm, nn.Sequential(norm))
    swap_batch_norm(net)
    assert isinstance(net[0], LightNorm2d)
    assert net[0] is net[2] is net.get_submodule("3.0")


def test_statistics_that_are_switched_off_stand_still() -> None:
    """track_running_stats = False on a layer that has statistics freezes them, as in BatchNorm2d."""
    norm = LightNorm2d(3)
    norm.track_running_stats = False
    norm(images() + 5)
    assert norm.running_mean is not None
    assert not norm.running_mean.any()
