"""An import that computes something else than the module is refused, by the layer's name."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from golden.compress import import_module
from golden.frontend import importer
from golden.frontend.import_check import check_values
from golden.graph.floats import FloatGraph, FloatLayer
from golden.spec.errors import UnsupportedError
from tests.golden.compressed import images, residual


def altered(path: str, change: Callable[[FloatLayer], dict[str, Any]]) -> FloatGraph:
    graph = import_module(residual(), images())
    layers = [replace(it, **change(it)) if it.path == path else it for it in graph.layers]
    return replace(graph, layers=tuple(layers))


def swapped(layer: FloatLayer) -> dict[str, Any]:
    weight = layer.weight.clone()
    weight[[0, 1]] = weight[[1, 0]]
    return {"weight": weight}


def other_norm(layer: FloatLayer, **values: Any) -> dict[str, Any]:
    assert layer.norm is not None
    return {"norm": replace(layer.norm, **values)}


@pytest.mark.parametrize(
    ("path", "change", "words"),
    [
        ("first", swapped, "layer first,"),
        ("second", swapped, "layer second,"),
        ("last", swapped, "layer last,"),
        ("second", lambda it: {"bias": it.bias * 0}, "layer second,"),
        ("down", lambda it: {"stride": 1}, "layer down,"),
        ("first", lambda it: {"padding": 2}, "layer first,"),
        ("down", lambda it: {"weight": it.weight.transpose(2, 3)}, "layer down,"),
        ("first", lambda it: other_norm(it, epsilon=0.1), "what layer first gives to layer second,"),
        ("down", lambda it: {"norm": None}, "what layer down gives to layer last,"),
        ("first", lambda it: {"relu": False}, "what layer first gives to layer second,"),
        ("second", lambda it: {"residual": None}, "what layer second gives to layer down,"),
        ("last", lambda it: {"relu": True}, "what layer last gives,"),
    ],
)
def test_the_layer_is_named(path: str, change: Callable[[FloatLayer], dict[str, Any]], words: str) -> None:
    with pytest.raises(UnsupportedError) as error:
        check_values(residual(), altered(path, change), images())
    assert str(error.value).startswith(f"Residual: {words} as imported, has other values (by ")


def test_a_right_import_passes_and_leaves_no_hooks() -> None:
    module = residual()
    check_values(module, import_module(module, images()), images())
    assert not any(it._forward_hooks for it in module.modules())


def test_import_module_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    norm = importer._norm
    monkeypatch.setattr(importer, "_norm", lambda module: replace(norm(module), beta=-module.bias.detach()))
    with pytest.raises(UnsupportedError, match="what layer first gives to layer second, as imported"):
        import_module(residual(), images())
