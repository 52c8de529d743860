"""Products that are no plain convolution, from a module to the machine: groups, pooling of any window."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from golden.compiler import compile_network
from golden.compress import compress
from golden.compress.integer import skeleton
from golden.compress.plan import CompressionPlan, LayerPlan
from golden.frontend.importer import import_module
from golden.graph.network_file import from_bytes, to_bytes
from golden.graph.operations.max_pool import MOST, passes
from golden.graph.operations.window import Window
from golden.spec.config import SMALL
from golden.spec.errors import UnsupportedError
from sim.checks.fidelity import fidelity
from tests.golden.compress.agreement import same

CONFIG = replace(SMALL, tap_words=8192, feature_words=8192)
IMAGES = torch.randn(12, 2, 9, 11, generator=torch.Generator().manual_seed(1))


def through(module: nn.Module, plan: CompressionPlan | None = None) -> None:
    """Compressed, saved, compiled, run: the same bits everywhere, near the floats layer by layer."""
    made = compress(module, IMAGES, plan)
    same(made.module, made.network, IMAGES)
    again = from_bytes(to_bytes(made.network), "network")
    assert to_bytes(again) == to_bytes(made.network)
    near = fidelity(compile_network(again, CONFIG), IMAGES.numpy())
    assert near.mismatches == 0
    assert near.compared > 0
    assert near.distances is not None
    assert all(it.steps <= 1 for it in near.distances.tensors)


@pytest.mark.parametrize(
    "pool",
    [
        nn.MaxPool2d(2),
        nn.MaxPool2d(3, 2, 1),
        nn.MaxPool2d((5, 3), (1, 3), (2, 0)),
        nn.MaxPool2d(2, 2, ceil_mode=True),
        nn.MaxPool2d((2, 3), 1, dilation=(1, 2)),
        nn.AvgPool2d(2),
        nn.AvgPool2d(3, 2),
        nn.AvgPool2d(3, 2, ceil_mode=True),
        nn.AdaptiveAvgPool2d((3, 11)),
        nn.AvgPool2d((3, 2), (1, 2), (1, 0)),
        nn.AvgPool2d(3, 1, 1, count_include_pad=False),
        nn.AvgPool2d((3, 5), 2, (1, 2), count_include_pad=False),
        nn.AvgPool2d(2, ceil_mode=True),
        nn.AvgPool2d(3, 2, 1, ceil_mode=True),
        nn.AvgPool2d((4, 3), (3, 2), 1, ceil_mode=True, count_include_pad=False),
    ],
    ids=str,
)
def test_pooling_between_convolutions(pool: nn.Module) -> None:
    torch.manual_seed(2)
    first = nn.Sequential(nn.Conv2d(2, 7, 3, padding=1), nn.BatchNorm2d(7))
    end = nn.Sequential(nn.Conv2d(7, 5, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 3))
    through(nn.Sequential(first, pool, end).eval())
    through(nn.Sequential(first, nn.ReLU(), pool, nn.ReLU(), end).eval())


def test_pooling_of_images_and_at_the_end() -> None:
    torch.manual_seed(3)
    through(nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(2, 6, 3), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1)))


class Added(nn.Module):
    """A tensor added to what pooling gives, as where a block halves its map."""

    def __init__(self, pool: nn.Module) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(2, 4, 3, 2, 1)
        self.pool = pool

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.b(x) + self.pool(self.a(x)))


@pytest.mark.parametrize("pool", [nn.MaxPool2d(3, 2, 1), nn.AvgPool2d(2, 2, (1, 1))], ids=str)
def test_a_tensor_added_to_pooling(pool: nn.Module) -> None:
    torch.manual_seed(4)
    through(Added(pool))


@pytest.mark.parametrize("kind", ["scale", "plain"])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_depthwise_pair(kind: str, stride: int) -> None:
    torch.manual_seed(5)
    layers = [
        nn.Conv2d(2, 8, 1),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, stride, 1, groups=8, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 6, 1),
        nn.ReLU(),
        nn.Conv2d(6, 12, 3, padding=1, groups=3),
        nn.AdaptiveAvgPool2d(1),
    ]
    module = nn.Sequential(*layers).eval()
    with torch.no_grad():
        # Channels of very uneven size, as depthwise layers have: a scale for each.
        module[2].weight *= torch.logspace(-2, 2, 8)[:, None, None, None]  # type: ignore[operator]
        module[3].running_var *= torch.logspace(-4, 4, 8)  # type: ignore[operator]
    through(module)
    through(module, CompressionPlan({"2": LayerPlan(kind)}, LayerPlan("scale", density=0.5)))


@pytest.mark.parametrize("stride", [(1, 1), (2, 3), (4, 1)])
@pytest.mark.parametrize("dilation", [(1, 1), (2, 1)])
def test_passes_of_a_large_window_do_what_it_does(stride: tuple[int, int], dilation: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    x = torch.from_numpy(rng.integers(-128, 128, (1, 2, 31, 29)).astype(np.float32))
    for kernel in [(1, 1), (1, 5), (2, 2), (3, 3), (5, 2), (6, 7), (9, 1), (8, 11), (14, 12), (3, 13)]:
        window = Window(kernel, stride, (1, 0, 2, 1), dilation)
        result = window.padded(x, -torch.inf)
        expected = nn.functional.max_pool2d(result, kernel, stride, dilation=dilation)
        found = x
        for step in passes(window):
            assert step.kernel[0] * step.kernel[1] <= MOST
            padded = step.padded(found, -torch.inf)
            found = nn.functional.max_pool2d(padded, step.kernel, step.stride, dilation=step.dilation)
        assert torch.equal(found, expected), kernel


@pytest.mark.parametrize(
    ("pool", "words"),
    [
        (nn.MaxPool2d(5), "1: MaxPool2d with stride = 5; supported: strides up to 4"),
        (nn.MaxPool2d(2, return_indices=True), "return_indices"),
        (
            nn.AvgPool2d(9, 1, 4, count_include_pad=False),
            "1: average pooling over (9, 9) with 15 divisors; supported: divisors with a common multiple",
        ),
        (nn.AdaptiveAvgPool2d((3, 5)), "one pixel per channel, or a size that divides the map's"),
        (nn.Sequential(nn.MaxPool2d(2), nn.BatchNorm2d(3)), "1.0: pooling with a batch norm behind it"),
    ],
    ids=str,
)
def test_refusals(pool: nn.Module, words: str) -> None:
    with pytest.raises(UnsupportedError) as error:
        import_module(nn.Sequential(nn.Conv2d(2, 3, 1), pool), IMAGES)
    assert words in str(error.value)


def test_a_basis_of_filters_that_see_different_channels_is_refused() -> None:
    module = nn.Sequential(nn.Conv2d(2, 4, 3, groups=2))
    with pytest.raises(UnsupportedError, match=r"^0: kind 'group' of 3 where 2 filters see the same"):
        compress(module, IMAGES, CompressionPlan({}, LayerPlan("group")))


def test_the_skeleton_has_the_passes() -> None:
    graph = import_module(nn.Sequential(nn.Conv2d(2, 3, 1), nn.MaxPool2d(3, 2)), IMAGES)
    assert [layer.path for layer in skeleton(graph).layers] == ["0", "1 pass 1", "1"]


def test_relu6_saturates_at_six() -> None:
    torch.manual_seed(6)
    layers: list[Any] = [nn.Conv2d(2, 6, 3, padding=1), nn.ReLU6(), nn.Conv2d(6, 6, 3, groups=6), nn.ReLU6()]
    module = nn.Sequential(*layers, nn.MaxPool2d(2), nn.Conv2d(6, 4, 1), nn.ReLU6(), nn.AdaptiveAvgPool2d(1))
    with torch.no_grad():
        layers[0].weight *= 8
        layers[2].weight *= 0.01
    through(module)
    features = compress(module, IMAGES).network.features
    assert features["0"].scale * 127 == pytest.approx(6)
    # Where nothing comes near 6, finer steps serve better.
    assert features["2"].scale * 127 < 1


def test_relu6_behind_an_addition_is_refused() -> None:
    class Late(Added):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.relu6(self.b(x) + self.pool(self.a(x)))

    torch.manual_seed(7)
    module = Late(nn.MaxPool2d(3, 2, 1))
    with torch.no_grad():
        module.a.weight *= 30
    with pytest.raises(UnsupportedError, match="ReLU6"):
        compress(module, IMAGES)


def test_batch_norm_behind_linear_layers() -> None:
    """MLPerf Tiny's autoencoder: linear, batch norm, ReLU."""
    torch.manual_seed(8)
    layers: list[Any] = [nn.Flatten(), nn.Linear(198, 24), nn.BatchNorm1d(24), nn.ReLU(), nn.Linear(24, 10)]
    module = nn.Sequential(*layers).eval()
    with torch.no_grad():
        layers[2].running_mean += 0.3
        layers[2].running_var *= 2
    through(module)
