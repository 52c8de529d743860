"""A float network as the accelerator sees it: convolutions in order, everything else attached to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from golden.graph.joined import Joined, complete
from golden.graph.operations.average_pool import FloatAveragePool
from golden.graph.operations.convolution import FloatConvolution
from golden.graph.operations.floats import FloatOperation
from golden.graph.operations.gate import FloatGate
from golden.graph.operations.max_pool import FloatMaxPool
from golden.graph.operations.operation import find
from golden.graph.operations.uneven_pool import FloatUnevenPool
from golden.numerics.late import torch
from golden.spec.errors import UnsupportedError

_Operation = TypeVar("_Operation", bound=FloatOperation)

INPUT = "input"
"""Name of the feature that holds the images."""


@dataclass(frozen=True)
class FloatLayer:
    """A product with what follows it, as `golden.graph.network.Layer` has it in integers.

    Parameters
    ----------
    path: dotted path of the convolution or linear module in the user's network.
    input, output: names of features.
    epilogue: operations on the sums, in the order of `golden.graph.operations.integers.Stage`.
    """

    path: str
    input: str
    output: str
    product: FloatConvolution | FloatMaxPool | FloatAveragePool | FloatUnevenPool | FloatGate
    epilogue: tuple[FloatOperation, ...] = ()

    @property
    def convolution(self) -> FloatConvolution:
        """The product. Raises UnsupportedError naming the layer if it is another one."""
        if not isinstance(self.product, FloatConvolution):
            raise UnsupportedError(
                f"layer {self.path}: found {type(self.product).__name__}; supported: a convolution"
            )
        return self.product

    def find(self, kind: type[_Operation]) -> _Operation | None:
        """The operation of that kind in the epilogue, if there is one."""
        return find(self.epilogue, kind)

    @property
    def gates(self) -> tuple[str, ...]:
        """Names of the features that the product reads beside the input: its factors, if it has any."""
        return (self.product.gate,) if isinstance(self.product, FloatGate) else ()

    def sums(self, features: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """What the product gives, of all features by name, (N, M, H, W)."""
        taken = features[self.input]
        if isinstance(self.product, FloatGate):
            return self.product.run(taken, features[self.product.gate])
        return self.product.run(taken)

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the features that the epilogue reads."""
        return tuple(name for operation in self.epilogue for name in operation.reads)

    @property
    def behind(self) -> tuple[FloatOperation, ...]:
        """What is left of the epilogue in integers, behind the requantised sums.

        Raises UnsupportedError for an operation that says nothing of compression.
        """
        for operation in self.epilogue:
            if not operation.compressible:
                raise UnsupportedError(
                    f"{self.path}: {type(operation).__name__} cannot be compressed, as it does not say how "
                    "it runs on integers (`quantise`, `blank`); supported: the operations of ./run layers"
                )
        return tuple(operation for operation in self.epilogue if not operation.folded)

    def finish(self, sums: torch.Tensor, features: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """All that follows the product: sums (N, M, H, W), all features by name → the output feature."""
        for operation in self.epilogue:
            sums = operation.run(sums, features)
        return sums


@dataclass(frozen=True)
class FloatGraph:
    """Layers in the order of execution.

    Parameters
    ----------
    shapes: feature name → (channels, height, width) after pooling.
    maps: layer path → (height, width) of its result before pooling.
    input: name of a feature.  outputs: names of features, at least one, each once.
    joined: features that are layers' outputs side by side: concatenations along the channels.
    grids: exponents of the steps that features have in the user's file, where they can be kept.
    """

    layers: tuple[FloatLayer, ...]
    shapes: dict[str, tuple[int, int, int]]
    maps: dict[str, tuple[int, int]]
    input: str
    outputs: tuple[str, ...]
    joined: Joined = field(default_factory=dict)
    grids: Mapping[str, int] = field(default_factory=dict)

    @property
    def output(self) -> str:
        """The first output: the one that labels are read from."""
        return self.outputs[0]

    def macs(self, layer: FloatLayer) -> int:
        """Multiply-accumulates of the dense layer for one image."""
        height, width = self.maps[layer.path]
        return self.weights(layer) * height * width

    def weights(self, layer: FloatLayer) -> int:
        """Weights of the dense layer; none of pooling."""
        return layer.product.weight.numel() if isinstance(layer.product, FloatConvolution) else 0


def run_float(graph: FloatGraph, images: torch.Tensor) -> torch.Tensor:
    """The graph in floats: images (N, C, H, W) → the output feature (N, M, H, W), as in eval mode."""
    return float_features(graph, images)[graph.output]


def float_features(graph: FloatGraph, images: torch.Tensor) -> dict[str, torch.Tensor]:
    """Every feature by name, the images included, each (N, C, H, W); see `run_float`."""
    values = {graph.input: images}
    for layer in graph.layers:
        values[layer.output] = layer.finish(layer.sums(values), values)
        complete(values, graph.joined, lambda parts: torch.cat([values[it] for it in parts], 1))
    return values
