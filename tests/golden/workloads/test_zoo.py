"""The networks of the zoo have the shapes of those they are named after."""

import pytest
import torch
from torch import nn

from flows.zoo.commands import NAMES
from golden.workloads.zoo import ZOO
from golden.workloads.zoo.blocks import same, same_padding


def _macs(module: nn.Module, image: tuple[int, ...]) -> int:
    """Multiply-accumulates of convolutions and linear layers for one image."""
    total = 0

    def count(layer: nn.Module, _: object, output: torch.Tensor) -> None:
        nonlocal total
        weight = layer.weight
        assert isinstance(weight, torch.Tensor)
        pixels = output[0, 0].numel() if isinstance(layer, nn.Conv2d) else 1
        total += weight.numel() * pixels

    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(count)
    with torch.no_grad():
        module.eval()(torch.zeros(2, *image))
    # Weights are shared by all pixels, and `numel` of a grouped convolution counts its own channels alone.
    return total


@pytest.mark.parametrize(
    ("name", "macs"),
    [
        ("resnet8", 12_501_632),
        ("ic02", 76_473_920),
        ("dscnn", 2_656_768),
        ("mobilenet", 7_489_664),
        ("autoencoder", 264_192),
    ],
)
def test_work_of_mlperf_tiny(name: str, macs: int) -> None:
    """Multiply-accumulates as counted from mlcommons/tiny's own scripts (May 2026)."""
    assert _macs(ZOO[name].make(), ZOO[name].image) == macs


@pytest.mark.parametrize("name", ZOO)
def test_output_has_the_classes(name: str) -> None:
    entry = ZOO[name]
    with torch.no_grad():
        output = entry.make().eval()(torch.zeros(2, *entry.image))
    assert output.shape[0] == 2
    assert output[0].numel() == (entry.classes or torch.zeros(entry.image).numel())


def test_the_command_line_knows_all() -> None:
    assert ("all", *ZOO) == NAMES


def test_odd_padding_is_at_the_bottom_and_the_right() -> None:
    """As TensorFlow's SAME: stride 2 and kernel 3 on an even size have (0, 1)."""
    padding = same_padding((32, 10), (3, 4), (2, 2))
    assert isinstance(padding, nn.ZeroPad2d)
    assert padding.padding == (1, 1, 0, 1)
    assert same(1, 2, (49, 10), (10, 4), (2, 2))(torch.zeros(2, 1, 49, 10)).shape == (2, 2, 25, 5)
