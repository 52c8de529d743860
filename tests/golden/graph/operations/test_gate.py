"""A map times its gate: from a module to the machine, and what is refused."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from golden.compiler import compile_network
from golden.compress import compress
from golden.compress.plan import CompressionPlan, LayerPlan
from golden.compress.sensitivity import sensitivity
from golden.frontend.importer import import_module
from golden.graph.floats import run_float
from golden.graph.network import Network
from golden.graph.network_file import from_bytes, to_bytes
from golden.graph.operations.gate import FloatGate, Gate
from golden.graph.operations.uneven_pool import FloatUnevenPool
from golden.spec.config import SMALL
from golden.spec.errors import UnsupportedError
from golden.spec.memories import back_record
from sim.checks.fidelity import fidelity
from tests.golden.compress.agreement import same
from tests.golden.frontend.modules import Function

CONFIG = replace(SMALL, name="gated", gates=True, tables=3, tap_words=4096, feature_words=8192)
IMAGES = torch.randn(10, 2, 7, 9, generator=torch.Generator().manual_seed(1))


def blocks(forward: Callable[[Any, torch.Tensor], torch.Tensor]) -> nn.Module:
    """A map of a convolution, its gate by `forward`, and a head."""
    torch.manual_seed(3)
    parts = {
        "a": nn.Conv2d(2, 8, 3, padding=1),
        "fc": nn.Conv2d(8, 4, 1),
        "ec": nn.Conv2d(4, 8, 1),
        "f": nn.Linear(8, 4),
        "e": nn.Linear(4, 8),
        "b": nn.Conv2d(8, 5, 3),
    }
    return Function(lambda m, x: m.b(forward(m, torch.relu(m.a(x)))).mean((2, 3)), **parts).eval()


def squeezed(m: Any, x: torch.Tensor) -> torch.Tensor:
    """Squeeze and excitation by linear layers."""
    return torch.sigmoid(m.e(torch.relu(m.f(x.mean((2, 3))))))


FORWARDS: dict[str, Callable[[Any, torch.Tensor], torch.Tensor]] = {
    "linear, viewed": lambda m, x: x * squeezed(m, x).view(x.shape[0], -1, 1, 1),
    "linear, indexed": lambda m, x: squeezed(m, x)[:, :, None, None] * x,
    "linear, unsqueezed": lambda m, x: torch.relu(x * squeezed(m, x).unsqueeze(-1).unsqueeze(-1)),
    "convolutions, hard": lambda m, x: torch.mul(
        x, nn.functional.hardsigmoid(m.ec(torch.relu(m.fc(x.mean((2, 3), keepdim=True)))))
    ),
    "spelled out": lambda m, x: (
        x * (nn.functional.relu6(m.ec(torch.relu(m.fc(x.mean((2, 3), keepdim=True)))) + 3) / 6)
    ),
    "added": lambda m, x: x + x * squeezed(m, x)[:, :, None, None],
}


def _twice(m: Any, x: torch.Tensor) -> torch.Tensor:
    """Two maps by one gate."""
    gate = squeezed(m, x)[:, :, None, None]
    return torch.relu(m.ec(m.fc(x * gate))) * gate


FORWARDS["twice"] = _twice


@pytest.mark.parametrize("name", FORWARDS)
def test_from_a_module_to_the_machine(name: str) -> None:
    module = blocks(FORWARDS[name])
    made = compress(module, IMAGES, config=CONFIG)
    same(made.module, made.network, IMAGES)
    again = from_bytes(to_bytes(made.network), "network")
    gates = [it for it in again.layers if isinstance(it.product, Gate)]
    assert len(gates) == 1 + (name == "twice")
    near = fidelity(compile_network(again, CONFIG), IMAGES.numpy())
    assert near.mismatches == 0
    assert near.distances is not None
    assert all(it.steps <= 1 for it in near.distances.tensors)


def test_a_program_of_torch_export() -> None:
    """A gate, and averages that leave padding out."""
    module = blocks(FORWARDS["linear, indexed"])
    tall = nn.Sequential(nn.AvgPool2d(3, 1, 1, count_include_pad=False), module).eval()
    with warnings.catch_warnings(action="ignore"):
        program: Any = torch.export.export(tall, (IMAGES[:2],))
    graph = import_module(program, IMAGES)
    assert [isinstance(it.product, FloatGate) for it in graph.layers].count(True) == 1
    assert isinstance(graph.layers[0].product, FloatUnevenPool)
    with torch.no_grad():
        found = run_float(graph, IMAGES).flatten(1)
        torch.testing.assert_close(found, tall(IMAGES), rtol=1e-4, atol=1e-5)


def gated() -> Network:
    """A compressed network with a gate."""
    return compress(blocks(FORWARDS["linear, indexed"]), IMAGES, config=CONFIG).network


def test_layers_of_one_gate_share_its_terms() -> None:
    network = compress(blocks(FORWARDS["twice"]), IMAGES, config=CONFIG).network
    back = [back_record(CONFIG).unpack(word) for word in compile_network(network, CONFIG).back]
    gated = [
        it["term_address"]
        for it, layer in zip(back, network.layers, strict=False)
        if isinstance(layer.product, Gate)
    ]
    assert len(gated) == 2
    assert len(set(gated)) == 1
    assert [it["gate"] for it in back].count(1) == 1


def test_what_a_gate_depends_on_is_sensitive() -> None:
    """A layer whose coefficients reach the output through factors alone."""
    graph = import_module(blocks(FORWARDS["linear, indexed"]), IMAGES)
    found = sensitivity(graph, IMAGES, CompressionPlan({}, LayerPlan("scale", density=0.2)), (0.1, 0.5))
    assert found["f"].losses[0] > 0
    assert found["e"].losses[0] > 0


def test_a_configuration_without_gates_is_told() -> None:
    with pytest.raises(UnsupportedError) as caught:
        compile_network(gated(), replace(CONFIG, name="plain", gates=False))
    assert str(caught.value) == (
        "layer mul: factors that the network computes, which configuration 'plain' does not take; supported: "
        "configurations with `gates`"
    )


@pytest.mark.parametrize(
    ("forward", "words"),
    [
        (lambda m, x: x * m.a(x[:, :2]), "found getitem"),
        (lambda m, x: x * x, "mul: the product of shapes (8, 7, 9) and (8, 7, 9); supported: a map times"),
        (lambda m, x: x * torch.sigmoid(m.b(x).mean((1, 2, 3), keepdim=True)), "(8, 7, 9) and (1, 1, 1)"),
        (lambda m, x: x * 2, "node mul: found mul"),
    ],
    ids=["beside another", "of one shape", "one factor", "a number"],
)
def test_other_products_are_told(forward: Callable[[Any, Any], Any], words: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        import_module(blocks(forward), IMAGES)
    assert words in str(caught.value)


def test_factors_that_are_no_layers_output_are_refused() -> None:
    network = gated()
    place = next(i for i, it in enumerate(network.layers) if isinstance(it.product, Gate))
    layer = network.layers[place]
    wrong = replace(layer, product=Gate(8, network.layers[0].output))
    layers = (*network.layers[:place], wrong, *network.layers[place + 1 :])
    with pytest.raises(UnsupportedError, match=r"layer mul: the factors 'a' of shape \(8, 7, 9\); supported"):
        compile_network(replace(network, layers=layers), CONFIG)
