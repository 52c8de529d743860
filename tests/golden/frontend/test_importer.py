"""Import of user networks: the layers that come out."""

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from golden.frontend.importer import import_module
from golden.graph.floats import run_float
from golden.graph.operations.global_mean import FloatMean
from golden.graph.operations.relu import FloatRelu
from golden.workloads.networks import DigitsNet, FashionNet
from tests.golden.frontend.modules import Function, conv, quietly
from tests.golden.statistics_of_norms import trained_statistics

IMAGES = torch.rand(3, 2, 8, 8, generator=torch.Generator().manual_seed(1))


def test_residual_network_in_the_order_of_execution() -> None:
    graph = import_module(DigitsNet(), torch.rand(1, 1, 8, 8))
    found = [
        (
            layer.path,
            layer.input,
            layer.reads,
            layer.find(FloatRelu) is not None,
            layer.find(FloatMean) is not None,
        )
        for layer in graph.layers
    ]
    assert found == [
        ("conv", "input", (), True, False),
        ("block1.conv1", "conv", (), True, False),
        ("block1.conv2", "block1.conv1", ("conv",), True, False),
        ("block2.conv1", "block1.conv2", (), True, False),
        ("block2.shortcut.0", "block1.conv2", (), False, False),
        ("block2.conv2", "block2.conv1", ("block2.shortcut.0",), True, True),
        ("fc", "block2.conv2", (), False, False),
    ]
    assert graph.maps["block2.conv2"] == (4, 4)
    assert graph.shapes["block2.conv2"] == (48, 1, 1)
    assert sum(graph.macs(layer) for layer in graph.layers) == 1_193_952
    assert sum(layer.convolution.weight.numel() for layer in graph.layers) == 43_320


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
    "wrap", [torch.compile, nn.DataParallel, lambda it: torch.compile(nn.DataParallel(it))]
)
def test_wrapped_networks_count_as_what_they_wrap(wrap: Callable[[nn.Module], nn.Module]) -> None:
    inner, alone = trained_statistics(DigitsNet()), torch.rand(2, 1, 8, 8)
    expected = run_float(import_module(inner, alone), alone)
    graph = import_module(quietly(wrap, inner), alone)
    assert torch.equal(run_float(graph, alone), expected)
    assert graph.layers[1].path == "block1.conv1"
    # As VGG did: only a part is wrapped.
    parts: Any = nn.Sequential(conv(), nn.ReLU(), nn.Flatten(), nn.Linear(128, 3))
    plain = run_float(import_module(parts, IMAGES), IMAGES)
    wrapped = nn.Sequential(quietly(wrap, parts[:2]), *parts[2:])
    graph = import_module(wrapped, IMAGES)
    assert torch.equal(run_float(graph, IMAGES), plain)
    assert [layer.path for layer in graph.layers] == ["0.0", "2"]
    assert wrapped[0] is not parts[0]


def test_compiled_in_place_runs_uncompiled() -> None:
    module = nn.Sequential(conv(), nn.ReLU())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module.compile()
    assert len(import_module(module, IMAGES).layers) == 1
    assert module._compiled_call_impl is not None


def test_every_part_keeps_its_mode() -> None:
    module = nn.Sequential(conv(), nn.BatchNorm2d(2), nn.ReLU(), conv(), nn.BatchNorm2d(2))
    module.train()
    module[1].eval()
    import_module(module, IMAGES)
    assert [part.training for part in module] == [True, False, True, True, True]


def norm() -> nn.BatchNorm2d:
    """One that changes what it is given."""
    made = nn.BatchNorm2d(2)
    for it in (made.running_mean, made.running_var, made.weight.data, made.bias.data):
        assert it is not None
        it.uniform_(0.5, 2.0)
    return made


@pytest.mark.parametrize(
    ("module", "layers"),
    [
        (nn.Sequential(conv(), nn.ReLU(), norm()), "0 2"),
        (nn.Sequential(conv(), norm(), norm()), "0 2"),
        (nn.Sequential(conv(), nn.AdaptiveAvgPool2d(1), nn.ReLU()), "0 2"),
        (nn.Sequential(conv(), nn.AdaptiveAvgPool2d(1), norm(), nn.ReLU()), "0 2"),
        (nn.Sequential(norm(), nn.ReLU(), conv(), norm(), nn.ReLU(), conv()), "0 2 5"),
        (nn.Sequential(nn.ReLU(), conv()), "0 1"),
        (nn.Sequential(nn.Sigmoid()), "0"),
        (Function(lambda m, x: m.c(x).relu() + m.d(x).relu(), c=conv(), d=conv()), "c d add"),
        (Function(lambda m, x: m.d(x) + m.p(x), d=nn.MaxPool2d(1), p=nn.MaxPool2d(3, 1, 1)), "p d"),
        (Function(lambda m, x: x.relu() + x, c=conv()), "relu add"),
        (Function(lambda m, x: (lambda y: y + y.relu())(m.c(x)), c=conv()), "c relu add"),
        (
            Function(
                lambda m, x: m.n(torch.cat((m.c(x), m.d(x)), 1)).relu(),
                c=conv(filters=1),
                d=conv(filters=1),
                n=norm(),
            ),
            "c d n",
        ),
    ],
)
def test_what_follows_no_convolution_gets_a_layer_of_its_own(module: nn.Module, layers: str) -> None:
    """Also batch norm and ReLU before a convolution, where zeros of its padding must stay zeros."""
    graph = import_module(module.eval(), IMAGES)
    assert [layer.path for layer in graph.layers] == layers.split()
    with torch.no_grad():
        expected = module(IMAGES)
    torch.testing.assert_close(
        run_float(graph, IMAGES).reshape(expected.shape), expected, rtol=1e-4, atol=1e-5
    )
