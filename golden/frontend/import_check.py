"""Is an imported graph the user's module? Every layer's input and result, on sample images."""

from typing import Any

import torch
from torch import nn

from golden.graph.floats import FloatGraph, float_features
from golden.spec.errors import UnsupportedError

IMAGES = 32
"""Sample images that are compared."""

_SUPPORTED = "supported: layers with their usual arguments, and values that are finite"


def check_values(module: nn.Module, graph: FloatGraph, samples: torch.Tensor) -> None:
    """Refuses what looks supported and is not, such as a mean with unusual arguments.

    Parameters
    ----------
    module: in eval mode. samples: float32 (N, C, H, W); the first `IMAGES` are compared.

    Raises UnsupportedError naming the first layer that computes something else than in the module.
    """
    images = samples[:IMAGES]
    with torch.no_grad():
        expected, taken = _module_values(module, graph, images)
        found = float_features(graph, images)
        for layer in graph.layers:
            taken_in, sums = taken[layer.path]
            if (difference := _difference(found[layer.input], taken_in)) is not None:
                raise _refuse(module, f"what layer {layer.input} gives to layer {layer.path}", difference)
            if (difference := _difference(layer.product.run(found[layer.input]), sums)) is not None:
                raise _refuse(module, f"layer {layer.path}", difference)
    if (difference := _difference(found[graph.output], expected)) is not None:
        raise _refuse(module, f"what layer {graph.output} gives", difference)


def _module_values(
    module: nn.Module, graph: FloatGraph, images: torch.Tensor
) -> tuple[torch.Tensor, dict[str, tuple[torch.Tensor, torch.Tensor]]]:
    """The module's output, and by path what each layer takes and gives."""
    taken: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}

    def keep(path: str) -> Any:
        # In-place operations may follow.
        return lambda _, args, named, result: taken.update(
            {path: ((args[0] if args else named["input"]).clone(), result.clone())}
        )

    hooks = [
        module.get_submodule(layer.path).register_forward_hook(keep(layer.path), with_kwargs=True)
        for layer in graph.layers
    ]
    try:
        return module(images), taken
    finally:
        for hook in hooks:
            hook.remove()


def _difference(found: torch.Tensor, expected: torch.Tensor) -> float | None:
    """Largest difference of two tensors, or None where rounding explains it."""
    if found.numel() != expected.numel():
        return float("inf")
    found, expected = found.flatten(), expected.flatten()
    difference = float((found - expected).abs().max())
    return None if difference <= 1e-3 * float(expected.abs().max()) + 1e-5 else difference


def _refuse(module: nn.Module, what: str, difference: float) -> UnsupportedError:
    return UnsupportedError(
        f"{type(module).__name__}: {what}, as imported, has other values (by {difference:.3g}); {_SUPPORTED}"
    )
