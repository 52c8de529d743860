"""Is an imported graph the user's module? Every layer's input and result, on sample images."""

from typing import Any

import torch
import torch.fx
from torch import nn

from golden.frontend.modules import results
from golden.frontend.sequences import as_maps
from golden.frontend.trace import Trace
from golden.graph.floats import FloatGraph, float_features
from golden.spec.errors import UnsupportedError

IMAGES = 32
"""Sample images that are compared."""

_SUPPORTED = "supported: layers with their usual arguments, and values that are finite"


def check_values(trace: Trace, graph: FloatGraph, samples: torch.Tensor) -> None:
    """Refuses what looks supported and is not, such as a mean with unusual arguments.

    Parameters
    ----------
    trace: of the module, which is in eval mode.
    samples: float32 (N, C, H, W) or (N, C, L); the first `IMAGES` are compared.

    Raises UnsupportedError naming the first layer that computes something else than in the module.
    """
    module, images = trace.module, samples[:IMAGES]
    with torch.no_grad():
        taken = _Values(trace)
        taken.run(as_maps(images))
        found = float_features(graph, as_maps(images))
        for layer in graph.layers:
            if layer.path not in taken.values:
                continue  # a copy, which the module does without
            taken_in, sums = taken.values[layer.path]
            if (difference := _difference(found[layer.input], taken_in)) is not None:
                raise _refuse(module, f"what layer {layer.input} gives to layer {layer.path}", difference)
            if (difference := _difference(layer.sums(found), sums)) is not None:
                raise _refuse(module, f"layer {layer.path}", difference)
        given = results(module(images))
    for name, expected in zip(graph.outputs, given, strict=True):
        if (difference := _difference(found[name], expected)) is not None:
            raise _refuse(module, f"what layer {name} gives", difference)


class _Values(torch.fx.Interpreter):
    """Runs the nodes; `values` has by path what each layer takes and gives."""

    def __init__(self, trace: Trace) -> None:
        super().__init__(trace.traced)
        self.extra_traceback = False
        self.trace = trace
        self.values: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}

    def run_node(self, n: torch.fx.Node) -> Any:
        """See torch.fx.Interpreter."""
        operation, source = self.trace.meaning(n), self.trace.source(n)
        if operation is None or not operation.product or source is None:
            return super().run_node(n)
        # In-place operations may follow.
        taken = self.env[source].clone()
        result = super().run_node(n)
        self.values[self.trace.layer_path(n)] = (taken, result.clone())
        return result


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
