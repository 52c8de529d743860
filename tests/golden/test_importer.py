"""Import of user networks: the layers that come out, and the words of every refusal."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from golden.compress.graph import run_float
from golden.compress.importer import import_module
from golden.spec.errors import UnsupportedError
from golden.train.networks import DigitsNet, FashionNet

IMAGES = torch.rand(3, 2, 8, 8, generator=torch.Generator().manual_seed(1))


class Function(nn.Module):
    """A network of the modules given by name and a forward function of (self, x)."""

    def __init__(self, forward: Callable[..., Any], **modules: nn.Module) -> None:
        super().__init__()
        for name, module in modules.items():
            self.add_module(name, module)
        self.function = forward

    def forward(self, x: torch.Tensor) -> Any:
        """As given."""
        return self.function(self, x)


def conv(channels: int = 2, filters: int = 2, **options: object) -> nn.Conv2d:
    """A 3×3 convolution that keeps the map, unless told otherwise."""
    return nn.Conv2d(channels, filters, **{"kernel_size": 3, "padding": 1, **options})  # type: ignore[arg-type]


FLAT = nn.Sequential(conv(padding="same"), nn.ReLU(), nn.Dropout(), nn.Flatten(), nn.Linear(128, 3))
POOLED = nn.Sequential(conv(padding="valid", stride=2), nn.AvgPool2d(3), nn.Flatten(), nn.Linear(2, 3))


def add_pooled(net: Any, x: torch.Tensor) -> torch.Tensor:
    """Adds a pooled tensor to what a convolution makes of it."""
    pooled = net.c(x).mean((2, 3), keepdim=True)
    return net.d(pooled) + pooled


def trained_statistics(module: nn.Module) -> nn.Module:
    """Batch norms that are not the identity."""
    generator = torch.Generator().manual_seed(7)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            for tensor in (part.weight, part.bias, part.running_mean, part.running_var):
                assert tensor is not None
                tensor.data = torch.rand(tensor.shape, generator=generator) + 0.5
    return module.eval()


def test_residual_network_in_the_order_of_execution() -> None:
    graph = import_module(DigitsNet(), torch.rand(1, 1, 8, 8))
    found = [(layer.path, layer.input, layer.residual, layer.relu, layer.pool) for layer in graph.layers]
    assert found == [
        ("conv", "input", None, True, False),
        ("block1.conv1", "conv", None, True, False),
        ("block1.conv2", "block1.conv1", "conv", True, False),
        ("block2.conv1", "block1.conv2", None, True, False),
        ("block2.shortcut.0", "block1.conv2", None, False, False),
        ("block2.conv2", "block2.conv1", "block2.shortcut.0", True, True),
        ("fc", "block2.conv2", None, False, False),
    ]
    assert graph.maps["block2.conv2"] == (4, 4)
    assert graph.shapes["block2.conv2"] == (48, 1, 1)
    assert sum(graph.macs(layer) for layer in graph.layers) == 1_193_952
    assert sum(layer.weight.numel() for layer in graph.layers) == 43_320


@pytest.mark.parametrize(
    ("module", "shape"),
    [
        (DigitsNet(), (1, 8, 8)),
        (FashionNet(), (1, 32, 32)),
        (
            nn.Sequential(conv(padding="same"), nn.ReLU(), nn.Dropout(), nn.Flatten(), nn.Linear(128, 3)),
            (2, 8, 8),
        ),
        (
            nn.Sequential(conv(padding="valid", stride=2), nn.AvgPool2d(3), nn.Flatten(), nn.Linear(2, 3)),
            (2, 8, 8),
        ),
        (Function(lambda m, x: m.l(x.view(x.size(0), -1)), l=nn.Linear(128, 4)), (2, 8, 8)),
        (Function(lambda m, x: m.l(m.c(x).relu().mean((2, 3))), c=conv(), l=nn.Linear(2, 4)), (2, 8, 8)),
        (
            Function(
                lambda m, x: m.l((x + m.n(m.c(x))).reshape(x.shape[0], -1)),
                c=conv(),
                n=nn.BatchNorm2d(2),
                l=nn.Linear(128, 4),
            ),
            (2, 8, 8),
        ),
    ],
)
def test_the_graph_computes_what_the_module_computes(module: nn.Module, shape: tuple[int, ...]) -> None:
    trained_statistics(module)
    images = torch.rand(4, *shape, generator=torch.Generator().manual_seed(2))
    got = run_float(import_module(module, images), images).flatten(1)
    torch.testing.assert_close(got, module(images), rtol=1e-4, atol=1e-4)


def test_the_module_stays_as_it_was() -> None:
    module = DigitsNet().train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    import_module(module, torch.rand(2, 1, 8, 8))
    assert module.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (Function(add_pooled, c=conv(), d=conv()), ["d: the addition of the pooled 'c'", "before pooling"]),
        (nn.Sequential(conv(groups=2)), ["0: Conv2d with groups = 2", "supported: groups = 1"]),
        (nn.Sequential(conv(dilation=2)), ["0: Conv2d with dilation = (2, 2)", "dilation = (1, 1)"]),
        (nn.Sequential(conv(stride=(1, 2))), ["0: Conv2d with stride = (1, 2)", "equal strides"]),
        (nn.Sequential(conv(padding=(0, 1))), ["0: Conv2d with padding = (0, 1)", "equal paddings"]),
        (nn.Sequential(conv(padding_mode="circular")), ["padding_mode = 'circular'", "'zeros'"]),
        (
            nn.Sequential(conv(), nn.Sequential(nn.MaxPool2d(2))),
            ["1.0: found MaxPool2d", "Conv2d"],
        ),
        (nn.Sequential(conv(), nn.Sigmoid()), ["1: found Sigmoid"]),
        (
            nn.Sequential(conv(), nn.AvgPool2d(2)),
            ["1: average pooling from (2, 8, 8) to (2, 4, 4)"],
        ),
        (nn.Sequential(nn.ReLU(), conv()), ["0: ReLU that does not directly follow a convolution"]),
        (nn.Sequential(nn.Linear(8, 3)), ["0: Linear on a tensor of shape (2, 8, 8)", "after Flatten"]),
        (nn.Sequential(conv().double()), ["0.weight: dtype torch.float64", "torch.float32"]),
        (nn.Sequential(conv(3, 4)), ["does not accept images of shape (2, 8, 8)", "channels"]),
        (nn.Sequential(conv(), nn.BatchNorm2d(2, track_running_stats=False)), ["1: track_running_stats"]),
        (Function(lambda m, x: m.c(m.c(x)), c=conv()), ["c: the module is used more than once"]),
        (Function(lambda m, x: m.c(x) * 2, c=conv()), ["node mul: found mul"]),
        (Function(lambda m, x: m.c(x) + 1, c=conv()), ["node add: the addition of", "two different tensors"]),
        (
            Function(lambda m, x: m.c(x).relu() + m.d(x).relu(), c=conv(), d=conv()),
            ["node add: the addition of two tensors neither of which"],
        ),
        (Function(lambda m, x: m.c(x) if x.sum() > 0 else x, c=conv()), ["cannot be traced", "control flow"]),
        (
            Function(lambda m, x: torch.add(x, m.c(x), alpha=2), c=conv()),
            ["node add: the", "alpha"],
        ),
        (Function(lambda m, x: (m.c(x), x), c=conv()), ["network: several outputs"]),
        (Function(lambda m, x: m.c(x)[:, :1], c=conv()), ["network: its output is not its last layer"]),
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
        (IMAGES[0], "torch.float32 of shape (2, 8, 8)"),
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
