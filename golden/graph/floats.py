"""A float network as the accelerator sees it: convolutions in order, everything else attached to them."""

from dataclasses import dataclass

import torch
from torch.nn.functional import batch_norm, conv2d

INPUT = "input"
"""Name of the feature that holds the images."""


@dataclass(frozen=True)
class Norm:
    """Batch normalisation of one layer: y = (x − mean)·gamma / √(variance + epsilon) + beta.

    All tensors float32 of shape (M,).
    """

    gamma: torch.Tensor
    beta: torch.Tensor
    mean: torch.Tensor
    variance: torch.Tensor
    epsilon: float


@dataclass(frozen=True)
class FloatLayer:
    """A convolution with what follows it, in the order: norm, residual, ReLU, global mean.

    Parameters
    ----------
    path: dotted path of the convolution or linear module in the user's network.
    input, output: names of features.
    weight: float32 (M, C, KH, KW); a linear layer's kernel covers its whole input map.
    bias: float32 (M,), zeros if the module has none.
    norm: batch normalisation of the sum, or None.
    stride, padding: as in torch.nn.Conv2d, equal in both directions.
    residual: name of the feature that is added, or None.
    pool: the output is the mean over the map, one pixel per channel.
    """

    path: str
    input: str
    output: str
    weight: torch.Tensor
    bias: torch.Tensor
    norm: Norm | None
    stride: int
    padding: int
    relu: bool
    residual: str | None
    pool: bool

    def sums(self, x: torch.Tensor) -> torch.Tensor:
        """The convolution with its bias: (N, C, H, W) → (N, M, H', W')."""
        return conv2d(x, self.weight, self.bias, self.stride, self.padding)

    def finish(self, y: torch.Tensor, residual: torch.Tensor | None) -> torch.Tensor:
        """All that follows the convolution: sums (N, M, H, W) → the output feature."""
        if self.norm is not None:
            norm = self.norm
            y = batch_norm(y, norm.mean, norm.variance, norm.gamma, norm.beta, eps=norm.epsilon)
        if residual is not None:
            y = y + residual
        if self.relu:
            y = y.relu()
        return y.mean(dim=(2, 3), keepdim=True) if self.pool else y


@dataclass(frozen=True)
class FloatGraph:
    """Layers in the order of execution.

    Parameters
    ----------
    shapes: feature name → (channels, height, width) after pooling.
    maps: layer path → (height, width) of its result before pooling.
    input, output: names of features.
    """

    layers: tuple[FloatLayer, ...]
    shapes: dict[str, tuple[int, int, int]]
    maps: dict[str, tuple[int, int]]
    input: str
    output: str

    def macs(self, layer: FloatLayer) -> int:
        """Multiply-accumulates of the dense layer for one image."""
        height, width = self.maps[layer.path]
        return layer.weight.numel() * height * width


def run_float(graph: FloatGraph, images: torch.Tensor) -> torch.Tensor:
    """The graph in floats: images (N, C, H, W) → the output feature (N, M, H, W), as in eval mode."""
    return float_features(graph, images)[graph.output]


def float_features(graph: FloatGraph, images: torch.Tensor) -> dict[str, torch.Tensor]:
    """Every feature by name, the images included, each (N, C, H, W); see `run_float`."""
    values = {graph.input: images}
    for layer in graph.layers:
        values[layer.output] = layer.finish(layer.sums(values[layer.input]), values.get(layer.residual or ""))
    return values
