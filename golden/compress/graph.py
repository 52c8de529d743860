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

    def layer(self, path: str) -> FloatLayer:
        """The layer of that path. Raises KeyError."""
        for layer in self.layers:
            if layer.path == path:
                return layer
        raise KeyError(path)

    def macs(self, layer: FloatLayer) -> int:
        """Multiply-accumulates of the dense layer for one image."""
        height, width = self.maps[layer.path]
        return layer.weight.numel() * height * width


def run_float(graph: FloatGraph, images: torch.Tensor) -> torch.Tensor:
    """The graph in floats: images (N, C, H, W) → the output feature (N, M, H, W), as in eval mode."""
    values = {graph.input: images}
    for layer in graph.layers:
        y = conv2d(values[layer.input], layer.weight, layer.bias, layer.stride, layer.padding)
        if layer.norm is not None:
            norm = layer.norm
            y = batch_norm(y, norm.mean, norm.variance, norm.gamma, norm.beta, eps=norm.epsilon)
        if layer.residual is not None:
            y = y + values[layer.residual]
        if layer.relu:
            y = y.relu()
        values[layer.output] = y.mean(dim=(2, 3), keepdim=True) if layer.pool else y
    return values[graph.output]
