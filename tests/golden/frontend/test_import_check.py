"""An import that computes something else than the module is refused, by the layer's name."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from torch import nn

from golden.compress import import_module
from golden.frontend.import_check import check_values
from golden.frontend.trace import Trace
from golden.graph.floats import FloatGraph, FloatLayer
from golden.graph.operations import batch_norm
from golden.graph.operations.add import FloatAdd
from golden.graph.operations.batch_norm import Norm
from golden.graph.operations.floats import FloatOperation
from golden.graph.operations.relu import FloatRelu
from golden.spec.errors import UnsupportedError
from golden.spec.findings import Findings
from tests.golden.compressed import images, residual


def altered(path: str, change: Callable[[FloatLayer], FloatLayer]) -> FloatGraph:
    graph = import_module(residual(), images())
    layers = [change(it) if it.path == path else it for it in graph.layers]
    return replace(graph, layers=tuple(layers))


def traced(module: nn.Module) -> Trace:
    return Trace(module, images(), Findings())


def product(**changes: Any) -> Callable[[FloatLayer], FloatLayer]:
    """A change of the product; a function makes a value from the product."""

    def change(layer: FloatLayer) -> FloatLayer:
        made = {name: it(layer.product) if callable(it) else it for name, it in changes.items()}
        return replace(layer, product=replace(layer.product, **made))

    return change


def swapped(layer: FloatLayer) -> FloatLayer:
    weight = layer.convolution.weight.clone()
    weight[[0, 1]] = weight[[1, 0]]
    return product(weight=weight)(layer)


def without(kind: type[FloatOperation]) -> Callable[[FloatLayer], FloatLayer]:
    return lambda it: replace(it, epilogue=tuple(part for part in it.epilogue if not isinstance(part, kind)))


def other_norm(layer: FloatLayer) -> FloatLayer:
    norm = layer.find(Norm)
    assert norm is not None
    return replace(layer, epilogue=(replace(norm, epsilon=0.1), *layer.epilogue[1:]))


@pytest.mark.parametrize(
    ("path", "change", "words"),
    [
        ("first", swapped, "layer first,"),
        ("second", swapped, "layer second,"),
        ("last", swapped, "layer last,"),
        ("second", product(bias=lambda it: it.bias * 0), "layer second,"),
        ("down", product(window=lambda it: replace(it.window, stride=(1, 1))), "layer down,"),
        ("first", product(window=lambda it: replace(it.window, padding=(2, 2, 2, 2))), "layer first,"),
        ("down", product(weight=lambda it: it.weight.transpose(2, 3)), "layer down,"),
        ("first", other_norm, "what layer first gives to layer second,"),
        ("down", without(Norm), "what layer down gives to layer last,"),
        ("first", without(FloatRelu), "what layer first gives to layer second,"),
        ("second", without(FloatAdd), "what layer second gives to layer down,"),
        ("last", lambda it: replace(it, epilogue=(*it.epilogue, FloatRelu())), "what layer last gives,"),
    ],
)
def test_the_layer_is_named(path: str, change: Callable[[FloatLayer], FloatLayer], words: str) -> None:
    with pytest.raises(UnsupportedError) as error:
        check_values(traced(residual()), altered(path, change), images())
    assert str(error.value).startswith(f"Residual: {words} as imported, has other values (by ")


def test_a_right_import_passes_and_leaves_no_hooks() -> None:
    module = residual()
    check_values(traced(module), import_module(module, images()), images())
    assert not any(it._forward_hooks for it in module.modules())


def test_import_module_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    norm = batch_norm.norm_of
    monkeypatch.setattr(
        batch_norm, "norm_of", lambda module: replace(norm(module), beta=-module.bias.detach())
    )
    with pytest.raises(UnsupportedError, match="what layer first gives to layer second, as imported"):
        import_module(residual(), images())
