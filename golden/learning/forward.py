"""The forward pass with what the backward pass needs of it."""

from dataclasses import dataclass

import torch

from golden.learning import exact, norm
from golden.learning.network import Layer, Network
from golden.learning.rounding import Rounded, scaled, to_int8
from golden.learning.state import HeadState, LayerState, State
from golden.spec.learning import (
    ACTIVATION_EXPONENTS,
    HEAD_FRACTION,
    HEAD_UNIT,
    IMAGE_EXPONENT,
    INT8_LARGEST,
    PARAMETER_FRACTION,
)

_LOGIT_LARGEST = float((1 << 31) - 1)


@dataclass(frozen=True)
class LayerTrace:
    """Of one layer: the norm's records, bool (F, N·H·W) where an error passes, the next exponent."""

    normed: norm.Normed
    passes: torch.Tensor
    activation: int


@dataclass(frozen=True)
class HeadTrace:
    """Of the head.

    Parameters
    ----------
    features: float32 integers (features, N).  passes: bool, same shape.
    activation: the next exponent of the features.
    logits: float64 integers (N, classes), LSB 2^−10.
    """

    features: torch.Tensor
    passes: torch.Tensor
    activation: int
    logits: torch.Tensor


@dataclass(frozen=True)
class Trace:
    """Of a forward pass; maps: float32 integers (N, C, H, W), the image first."""

    maps: tuple[torch.Tensor, ...]
    layers: tuple[LayerTrace, ...]
    head: HeadTrace


def map_exponent(state: State, index: int) -> int:
    """Exponent of map `index`; 0 is the image."""
    return IMAGE_EXPONENT if index == 0 else state.layers[index - 1].activation


def by_channel(x: torch.Tensor) -> torch.Tensor:
    """(N, C, H, W) → (C, N·H·W), a copy."""
    return x.transpose(0, 1).flatten(1)


def by_image(x: torch.Tensor, like: tuple[int, ...]) -> torch.Tensor:
    """(C, N·H·W) → (N, C, H, W) of shape `like`, contiguous."""
    images, channels, height, width = like
    return x.reshape(channels, images, height, width).transpose(0, 1).contiguous()


def forward(network: Network, state: State, images: torch.Tensor) -> Trace:
    """images: float32 integers (N, C, H, W) of unit 2^IMAGE_EXPONENT."""
    maps, traces = [images], []
    for layer, it in zip(network.layers, state.layers, strict=True):
        sums = exact.forward(maps[layer.source], it.codes, layer.stride, f"layer {layer.name}")
        x = scaled(by_channel(sums), map_exponent(state, layer.source) + layer.unit)
        normed = norm.forward(x, it.gamma, it.beta)
        y = normed.y
        if layer.add is not None:
            addend = scaled(maps[layer.add].to(torch.float64), map_exponent(state, layer.add))
            y = by_channel(addend).add_(y)
        made, passes = activated(y, layer, it)
        maps.append(by_image(made.values, sums.shape))
        traces.append(LayerTrace(normed, passes, made.exponent))
    return Trace(tuple(maps), tuple(traces), head(network, state, maps[-1]))


def activated(y: torch.Tensor, layer: Layer, it: LayerState) -> tuple[Rounded, torch.Tensor]:
    """ReLU and int8 of real values (C, n); and where an error passes: positive (if ReLU), not saturated."""
    passes = y > 0 if layer.relu else torch.ones(y.shape, dtype=torch.bool)
    if layer.relu:
        y = y.clamp_min(0)
    made = to_int8(y, it.activation, ACTIVATION_EXPONENTS)
    if made.saturated:
        # Half a unit above the largest goes to the even neighbour, which saturates.
        passes &= scaled(y.abs(), -it.activation) < INT8_LARGEST + 0.5
    return made, passes


def head_integers(head: HeadState) -> torch.Tensor:
    """The int8 weights that the head multiplies with, float32 (classes, features)."""
    nearest = scaled(head.weights.to(torch.float32), -HEAD_FRACTION).round_()
    return nearest.clamp_(-INT8_LARGEST, INT8_LARGEST)


def head(network: Network, state: State, last: torch.Tensor) -> HeadTrace:
    """Mean of each channel of the last map, then the fully connected layer."""
    it = state.head
    sums = last.sum((2, 3), dtype=torch.float64).T
    real = scaled(sums, map_exponent(state, len(state.layers)) - network.pool_shift)
    made = to_int8(real, it.activation, ACTIVATION_EXPONENTS)
    passes = scaled(real.abs(), -it.activation) < INT8_LARGEST + 0.5
    products = exact.product(head_integers(it), made.values, "head").to(torch.float64)
    logits = scaled(products, HEAD_UNIT + it.activation + PARAMETER_FRACTION).round_()
    logits += it.bias.to(torch.float64)[:, None]
    return HeadTrace(made.values, passes, made.exponent, logits.T.clamp(-_LOGIT_LARGEST, _LOGIT_LARGEST))
