"""Import of user networks: the words of every refusal."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from golden.frontend.importer import import_module
from golden.spec.errors import UnsupportedError
from tests.golden.frontend.modules import Function, conv, quietly

IMAGES = torch.rand(3, 2, 8, 8, generator=torch.Generator().manual_seed(1))
LINES = {"l": nn.Linear(128, 3), "k": nn.Linear(128, 3)}

FLAT = nn.Sequential(conv(padding="same"), nn.ReLU(), nn.Dropout(), nn.Flatten(), nn.Linear(128, 3))


def add_pooled(net: Any, x: torch.Tensor) -> torch.Tensor:
    """Adds a pooled tensor to what a convolution makes of it."""
    pooled = net.c(x).mean((2, 3), keepdim=True)
    return net.d(pooled) + pooled


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (Function(add_pooled, c=conv(), d=conv()), ["d: the addition of the pooled 'c'", "before pooling"]),
        (nn.Sequential(conv(stride=(1, 5))), ["0: Conv2d with stride = (1, 5)", "strides up to 4"]),
        (nn.Sequential(conv(padding_mode="circular")), ["padding_mode = 'circular'", "'zeros'"]),
        (
            nn.Sequential(conv(), nn.Sequential(nn.Softplus())),
            ["1.0: found Softplus", "Conv2d"],
        ),
        (nn.Sequential(conv(), nn.GELU()), ["1: found GELU"]),
        (
            nn.Sequential(conv(), nn.AdaptiveAvgPool2d(3)),
            ["1: average pooling from (2, 8, 8) to (2, 3, 3); supported: one pixel per channel"],
        ),
        (nn.Sequential(nn.Linear(8, 3)), ["0: Linear on a tensor of shape (2, 8, 8)", "after Flatten"]),
        (nn.Sequential(conv().double()), ["0.weight: dtype torch.float64", "torch.float32"]),
        (nn.Sequential(conv(3, 4)), ["does not accept images of shape (2, 8, 8)", "channels"]),
        (nn.Sequential(conv(), nn.BatchNorm2d(2, track_running_stats=False)), ["1: track_running_stats"]),
        (Function(lambda m, x: m.c(x).relu() * 2, c=conv()), ["node mul: found mul"]),
        (Function(lambda m, x: m.c(x).relu() + 1, c=conv()), ["node add: the addition of", "two different"]),
        (
            Function(lambda m, x: m.l(x.flatten(1)).relu() + m.k(x.flatten(1)).relu(), **LINES),
            ["node add: the addition of features neither of which comes from a linear layer"],
        ),
        (Function(lambda m, x: m.c(x) if x.sum() > 0 else x, c=conv()), ["cannot be traced", "control flow"]),
        (
            Function(lambda m, x: torch.add(x, m.c(x), alpha=2), c=conv()),
            ["node add: the", "alpha"],
        ),
        (Function(lambda m, x: (m.c(x), x), c=conv()), ["network: its output is the images", "of layers"]),
        (Function(lambda m, x: (m.c(x), (m.c(x), 3)), c=conv()), ["gives what is no tensor of its own"]),
        (Function(lambda m, x: (), c=conv()), ["network: it gives nothing"]),
        (Function(lambda m, x: m.c(x)[:, :1], c=conv()), ["node getitem: found getitem"]),
        (
            Function(lambda m, x: x.flatten(1).relu(), c=conv()),
            ["node relu: relu that does not directly follow"],
        ),
        (Function(lambda m, x: torch.flatten(x, 1), c=conv()), ["network: its output is the images"]),
    ],
)
def test_refusals_name_the_layer_and_what_is_supported(module: nn.Module, words: list[str]) -> None:
    with pytest.raises(UnsupportedError) as error:
        import_module(module, IMAGES)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize(
    ("images", "found"),
    [
        (IMAGES.double(), "torch.float64 of shape (3, 2, 8, 8)"),
        (IMAGES[0, 0, 0], "torch.float32 of shape (8,)"),
        (IMAGES[:0], "shape (0, 2, 8, 8)"),
        (IMAGES.numpy(), "ndarray"),
        (IMAGES / 0, "values that are not finite"),
    ],
)
def test_wrong_images(images: object, found: str) -> None:
    with pytest.raises(UnsupportedError) as error:
        import_module(nn.Sequential(conv()), images)  # type: ignore[arg-type]
    assert "sample images: found" in str(error.value)
    assert found in str(error.value)
    assert "supported: a torch.float32 tensor of shape (images, channels, height, width)" in str(error.value)


def refusal(module: nn.Module, images: torch.Tensor = IMAGES) -> str:
    """What an import says no with."""
    with pytest.raises(UnsupportedError) as error:
        import_module(module, images)
    return str(error.value)


def test_all_problems_are_told_at_once_by_layer() -> None:
    module = nn.Sequential(
        conv(groups=2, dilation=2, padding=2),
        nn.Softplus(),
        nn.ReLU(),
        conv(stride=(1, 2), padding=(0, 1)),
        nn.BatchNorm2d(2, track_running_stats=False),
        nn.GELU(),
        conv(padding_mode="reflect"),
        nn.AvgPool2d((2, 1)),
        nn.Linear(2, 3),
    )
    lines = refusal(module).splitlines()
    assert lines[0] == "5 problems:"
    for line, start in zip(
        lines[1:],
        (
            "1: found Softplus; supported: Conv2d and Conv1d, ",
            "4: track_running_stats = False; ",
            "5: found GELU; ",
            "6: Conv2d with padding_mode = 'reflect'; ",
            "8: Linear on a tensor of shape (2, 3, 4); supported: Linear after Flatten",
        ),
        strict=True,
    ):
        assert line.strip().startswith(start)


def test_what_follows_a_refused_node_is_no_problem_of_its_own() -> None:
    """One unsupported layer in a network that is fine: one problem."""
    module = nn.Sequential(
        conv(), nn.GELU(), nn.ReLU(), conv(), nn.Softsign(), nn.Flatten(), nn.Linear(128, 3)
    )
    assert [line.strip()[:12] for line in refusal(module).splitlines()[1:]] == [
        "1: found GEL",
        "4: found Sof",
    ]
    assert refusal(nn.Sequential(conv(), nn.ReLU(), nn.Softmax(1))).startswith(
        "2: found Softmax; supported: "
    )


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("shape", [(1, -1), (-1, 64), (1, 128), (128,), (2, -1, 8)])
def test_views_that_mix_images_are_refused(shape: tuple[int, ...], count: int) -> None:
    module = Function(lambda m, x: m.l(x.view(*shape)), l=nn.Linear(128, 3))
    words = refusal(module, IMAGES[:count])
    assert "node view: (2, 2, 8, 8) becomes (" in words or "does not accept images" in words
    assert "flattening to (images, features), such as torch.flatten(x, 1)" in words or "view" in words


@pytest.mark.parametrize("shape", [(1, 1, 64), (8, 8, 2), (1, 64)])
def test_linear_on_anything_but_features_is_refused(shape: tuple[int, ...]) -> None:
    images = torch.rand(3, *((1,) * (3 - len(shape))), *shape)
    words = refusal(nn.Sequential(nn.Linear(shape[-1], 10), nn.Flatten(), nn.Linear(11, 2)), images)
    assert (
        f"0: Linear on a tensor of shape {tuple(images.shape[1:])}; supported: Linear after Flatten" in words
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_a_wrong_number_of_channels_is_told_without_a_traceback(
    channels: int, capfd: pytest.CaptureFixture[str]
) -> None:
    words = refusal(nn.Sequential(nn.Sequential(conv(channels, 4)), nn.ReLU()))
    assert words.startswith(
        "Sequential: does not accept images of shape (2, 8, 8) (channels, height, width): 0.0: "
    )
    assert f"Conv2d of {channels} channels on a map of shape (2, 8, 8)" in words
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("make", [torch.jit.script, lambda module: torch.jit.trace(module, IMAGES[:1])])
def test_torchscript_is_refused_by_name(make: Callable[[nn.Module], nn.Module]) -> None:
    script = quietly(make, nn.Sequential(conv(), nn.ReLU()))
    end = "a TorchScript module; supported: the torch.nn.Module that it was made from"
    assert f"network: {end}" in refusal(script)
    assert f"1: {end}" in refusal(nn.Sequential(conv(), script))


def test_quantised_layers_are_told_by_their_true_name() -> None:
    quantise: Any = torch.ao.quantization.quantize_dynamic
    words = refusal(quietly(quantise, FLAT.eval(), {nn.Linear}, dtype=torch.qint8))
    assert words.startswith("4: torch.ao.nn.quantized.dynamic.modules.linear.Linear, quantised already; ")
    assert words.endswith("supported: the float network that it was made from")


class Conv2d(nn.Conv2d):
    """A layer of a user's own whose name is that of a supported one."""

    __module__ = "torch.nn.own"


def test_a_name_that_looks_supported_is_told_in_full() -> None:
    assert "0: found torch.nn.own.Conv2d; supported: Conv2d and " in refusal(nn.Sequential(Conv2d(2, 2, 3)))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_values_that_are_not_finite_name_layer_and_channel(value: float) -> None:
    module: Any = nn.Sequential(
        conv(2, 4), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(256, 3)
    ).eval()
    with torch.no_grad():
        module[0].weight[2, 1, 0, 0] = module[0].weight[3, 0, 0, 0] = value
        module[1].running_mean[1] = value
        module[4].bias[0] = value
    lines = [line.strip() for line in refusal(module).splitlines()]
    assert lines == [
        "3 problems:",
        f"0: weight is {value} in channel 2 (2 of 72 values); supported: finite values",
        f"1: running_mean is {value} in channel 1 (1 of 4 values); supported: finite values",
        f"4: bias is {value} in channel 0 (1 of 3 values); supported: finite values",
    ]


def test_variances_below_zero_and_values_beyond_float32() -> None:
    module: Any = nn.Sequential(conv(), nn.BatchNorm2d(2)).eval()
    module[1].running_var[1] = -0.5
    assert refusal(module).startswith("1: running_var is -0.5 in channel 1; supported: variances")
    large: Any = nn.Sequential(conv(), nn.ReLU(), conv())
    large[0].weight.data *= 1e20
    large[2].weight.data *= 1e20
    assert "0: values up to " in refusal(large)
    assert "on the sample images; supported: finite ones, up to 1.15e+18" in refusal(large)


@pytest.mark.parametrize("factor", [1e30, 1e-30, 1e13])
def test_images_of_a_size_beyond_float32_are_refused(factor: float) -> None:
    words = refusal(nn.Sequential(conv()), IMAGES * factor)
    assert words.startswith("sample images: the largest magnitude is ")
    assert words.endswith("supported: 9.09e-13…1.1e+12; scale the images as the network was trained on them")
    assert len(import_module(nn.Sequential(conv()), IMAGES * 0).layers) == 1


@pytest.mark.parametrize(
    "parts", [(nn.ReLU(), nn.BatchNorm1d(2)), (nn.BatchNorm1d(2), nn.BatchNorm1d(2)), (nn.ReLU(), nn.Tanh())]
)
def test_another_order_of_features_is_refused(parts: tuple[nn.Module, ...]) -> None:
    """What the hardware does behind a sum comes in one order, each at most once; the words tell it."""
    found = refusal(nn.Sequential(nn.Flatten(), nn.Linear(128, 2), *parts))
    assert found.startswith(f"3: {type(parts[1]).__name__} that does not directly follow")
    order = (
        "convolution, linear, max pooling, average pooling, upsampling or gate, then batch norm, "
        "addition, ReLU or ReLU6 or leaky ReLU or hard-swish or hard-sigmoid or sigmoid or tanh or SiLU, "
        "global average pooling, each optional"
    )
    assert f"supported: {order} and in this order" in found
