"""The forward pass with what the backward pass needs of it."""

from dataclasses import dataclass

import torch

from golden.learning import exact, norm
from golden.learning.network import Layer, Network
from golden.learning.planes import by_channel, by_image
from golden.learning.rounding import Rounded, fraction, nearest_int8, scaled
from golden.learning.scheme import Statistics
from golden.learning.state import HeadState, State
from golden.spec.learning import (
    ACTIVATION_EXPONENTS,
    HEAD_FRACTION,
    IMAGE_EXPONENT,
    INT8_LARGEST,
    PARAMETER_FRACTION,
)

_LOGIT_LARGEST = float((1 << 31) - 1)


@dataclass(frozen=True)
class LayerTrace:
    """Of one layer: the norm's records, and the map's next exponent with the counts behind it."""

    normed: norm.Normed
    activation: int
    counts: tuple[int, int]


@dataclass(frozen=True)
class HeadTrace:
    """Of the head.

    Parameters
    ----------
    features: float32 integers (features, N).
    activation: the next exponent of the features.
    logits: float64 integers (N, classes), LSB 2^−10.
    """

    features: torch.Tensor
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


def passes(values: torch.Tensor, relu: bool) -> torch.Tensor:
    """bool: where an error passes a map of these int8 values: not saturated and, with a ReLU, above 0."""
    below = values.abs() < INT8_LARGEST
    return below & (values > 0) if relu else below


def forward(
    network: Network, state: State, images: torch.Tensor, statistics: Statistics = Statistics.BATCH
) -> Trace:
    """images: float32 integers (N, C, H, W) of unit 2^IMAGE_EXPONENT."""
    maps, traces = [images], []
    for index, (layer, it) in enumerate(zip(network.layers, state.layers, strict=True), 1):
        degree = network.degrees[index]
        sums = exact.forward(maps[layer.source], it.codes, layer.stride, f"layer {layer.name}")
        x = scaled(by_channel(sums, degree), map_exponent(state, layer.source) + layer.unit)
        normed = norm.forward(x, it, statistics)
        total = fraction(normed.y, -it.activation)
        if layer.add is not None:
            shift = map_exponent(state, layer.add) - it.activation
            total += fraction(by_channel(maps[layer.add], degree), shift)
        made = activated(total, layer, it.activation)
        maps.append(by_image(made.values, sums.shape, degree))
        traces.append(LayerTrace(normed, made.exponent, made.counts))
    return Trace(tuple(maps), tuple(traces), head(network, state, maps[-1]))


def activated(fractions: torch.Tensor, layer: Layer, exponent: int) -> Rounded:
    """ReLU and int8 of unit 2^exponent."""
    if layer.relu:
        fractions = fractions.clamp_min(0)
    return nearest_int8(fractions, exponent, ACTIVATION_EXPONENTS)


def head_integers(head: HeadState) -> torch.Tensor:
    """The int8 weights that the head multiplies with, float32 (classes, features)."""
    nearest = scaled(head.weights.to(torch.float32), -HEAD_FRACTION).round_()
    return nearest.clamp_(-INT8_LARGEST, INT8_LARGEST)


def head(network: Network, state: State, last: torch.Tensor) -> HeadTrace:
    """Mean of each channel of the last map, then the fully connected layer."""
    it = state.head
    sums = last.sum((2, 3), dtype=torch.float64).T
    shift = map_exponent(state, len(state.layers)) - network.pool_shift - it.activation
    made = nearest_int8(fraction(sums, shift), it.activation, ACTIVATION_EXPONENTS)
    products = exact.product(head_integers(it), made.values, "head").to(torch.float64)
    logits = scaled(products, network.head_unit + it.activation + PARAMETER_FRACTION).round_()
    logits += it.bias.to(torch.float64)[:, None]
    return HeadTrace(made.values, made.exponent, logits.T.clamp(-_LOGIT_LARGEST, _LOGIT_LARGEST))
