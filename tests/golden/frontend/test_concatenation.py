"""Concatenations of user networks: what is written side by side, what is copied first, what is refused."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from golden.compress import compress
from golden.compress.integer import to_network
from golden.frontend.importer import import_module
from golden.graph.floats import FloatGraph, run_float
from golden.graph.network_file import from_bytes, to_bytes
from golden.graph.reference import run_network
from golden.machine.tensors import quantise
from golden.spec.errors import UnsupportedError
from tests.golden.frontend.modules import Function

Forward = Callable[[Any, torch.Tensor], torch.Tensor]

IMAGES = torch.rand(24, 2, 6, 5, generator=torch.Generator().manual_seed(1)) - 0.3


def conv(inputs: int, outputs: int, kernel: int = 3) -> nn.Conv2d:
    """Keeps the size of its map."""
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)


class Joins(Function):
    """A function of layers a (2→3), b (2→3), c (6→2) and d (8→2)."""

    def __init__(self, forward: Forward) -> None:
        torch.manual_seed(3)
        super().__init__(
            forward, a=conv(2, 3), b=conv(2, 3), c=conv(6, 2), d=conv(8, 2), p=nn.AvgPool2d(3, 1, 1)
        )


def imported(module: nn.Module) -> FloatGraph:
    """The graph, which gives what the module gives."""
    module.eval()
    graph = import_module(module, IMAGES)
    with torch.no_grad():
        torch.testing.assert_close(run_float(graph, IMAGES), module(IMAGES), rtol=1e-4, atol=1e-5)
    return graph


def paths(graph: FloatGraph) -> list[str]:
    """Of its layers."""
    return [layer.path for layer in graph.layers]


def test_operands_are_written_side_by_side() -> None:
    graph = imported(Joins(lambda m, x: m.c(torch.cat((m.a(x).relu(), m.b(x)), 1))))
    assert paths(graph) == ["a", "b", "c"]
    assert graph.joined == {"cat": ("a", "b")}


def test_a_concatenation_of_concatenations_is_one() -> None:
    """As a DenseNet's blocks: each reads all before it."""

    def forward(m: Any, x: torch.Tensor) -> torch.Tensor:
        both = torch.concat([m.a(x), m.b(x)], dim=1)
        return m.d(torch.concatenate([both, m.c(both)], -3))

    graph = imported(Joins(forward))
    assert paths(graph) == ["a", "b", "c", "d"]
    assert [*graph.joined.values()] == [("a", "b"), ("a", "b", "c")]


@pytest.mark.parametrize(
    ("forward", "copies"),
    [
        # The images lie where the host writes them.
        (lambda m, x: m.d(torch.cat((m.a(x), m.b(x), x), 1)), ["cat copy 3"]),
        (lambda m, x: m.c(torch.cat([m.a(x), m.a(x)], 1)), []),  # called twice: two layers
        (lambda m, x: (lambda y: m.c(torch.cat([y, y], 1)))(m.a(x)), ["cat copy 2"]),
        # Two orders of the same tensors.
        (
            lambda m, x: (lambda y, z: m.c(torch.cat([y, z], 1)) + m.c(torch.cat([z, y], 1)))(m.a(x), m.b(x)),
            ["cat_1 copy 2"],
        ),
        # Steps of 6 ÷ 127 fit each other alone.
        (lambda m, x: m.c(torch.cat([nn.functional.relu6(m.a(x)), m.b(x)], 1)), ["cat copy 1"]),
        (lambda m, x: m.c(torch.cat([nn.functional.relu6(m.a(x)), nn.functional.relu6(m.b(x))], 1)), []),
        # Ninths of a step.
        (lambda m, x: m.c(torch.cat([m.p(m.a(x)), m.b(x)], 1)), ["cat copy 1"]),
    ],
    ids=["images", "layer twice", "tensor twice", "two orders", "ReLU6", "both ReLU6", "mean"],
)
def test_what_cannot_lie_there_is_copied(forward: Forward, copies: list[str]) -> None:
    graph = imported(Joins(forward))
    assert [path for path in paths(graph) if "copy" in path] == copies


@pytest.mark.parametrize(
    ("forward", "words"),
    [
        (
            lambda m, x: m.c(torch.cat([torch.cat((m.a(x), m.b(x)), 2)] * 2, 1)),
            r"along axis 2 of \(2, 3, 6",
        ),
        (lambda m, x: m.a(torch.cat((x, x))), "what keeps the images apart"),
        (
            lambda m, x: m.c(torch.cat((m.a(x), torch.ones(2, 3, 6, 5)), 1)),
            "what is no tensor of the network",
        ),
        (
            lambda m, x: m.c(torch.cat((m.a(x), m.b(x).flatten(1).unsqueeze(-1)), 1)),
            "unsqueeze|does not accept",
        ),
    ],
)
def test_what_is_refused_is_told(forward: Forward, words: str) -> None:
    with pytest.raises(UnsupportedError, match=words):
        import_module(Joins(forward).eval(), IMAGES)


def test_flattened_maps_of_two_sizes_cannot_be_joined() -> None:
    """In one row of features they can; as a map that a linear layer covers they cannot."""
    module = Function(
        lambda m, x: m.f(torch.cat((m.a(x).flatten(1), m.s(x).flatten(1)), 1)),
        a=conv(2, 1),
        s=nn.Conv2d(2, 1, 3, 2, 1),
        f=nn.Linear(39, 2),
    )
    with pytest.raises(
        UnsupportedError, match=r"maps of \(6, 5\) and \(3, 3\) pixels; supported: maps of one size"
    ):
        import_module(module.eval(), IMAGES)


def test_flattened_maps_of_one_size_are_a_concatenation_of_channels() -> None:
    module = Function(
        lambda m, x: m.f(torch.cat((m.a(x).flatten(1), m.b(x).flatten(1)), 1)),
        a=conv(2, 1),
        b=conv(2, 2),
        f=nn.Linear(90, 2),
    )
    module.eval()
    graph = import_module(module, IMAGES)
    with torch.no_grad():
        torch.testing.assert_close(run_float(graph, IMAGES).flatten(1), module(IMAGES), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("sizes", [(1.0, 1.0), (0.01, 30.0), (50.0, 0.2)])
def test_operands_of_all_sizes_get_one_scale(sizes: tuple[float, float]) -> None:
    """The coarser of the two that they would take alone; the reference computes what the module does."""
    module: Any = Joins(lambda m, x: m.d(torch.cat((m.a(x), m.b(x).relu(), x), 1)))
    with torch.no_grad():
        for layer, size in zip((module.a, module.b), sizes, strict=True):
            layer.weight *= size
            layer.bias *= size
    made = compress(module.eval(), IMAGES)
    network = made.network
    (scale,) = {network.features[it].scale for it in ("a", "b", "cat")}
    with torch.no_grad():
        operands = (module.a(IMAGES), module.b(IMAGES).relu())
    largest = max(float(it.abs().max()) for it in operands)
    # Not more than twice what holds the largest value, and what saturates is not worth the finer steps.
    assert 16 * scale < largest < 16 * 127 * scale
    exact = to_network(made.module)
    images = quantise(IMAGES.numpy(), network.features["input"].scale)
    found = run_network(from_bytes(to_bytes(network), "file"), images)
    with torch.no_grad():
        values, _ = made.module.double().features(IMAGES.double())
    for name in ("a", "b", "cat", "d"):
        assert (found[name] == values[name].numpy()).all(), name
    assert exact.joined == network.joined
