"""Inference with the running statistics: the norm folded into eight-bit factors, as the array has them."""

import numpy as np
import torch

from golden.learning import exact
from golden.learning.forward import head, map_exponent
from golden.learning.network import Network
from golden.learning.state import LayerState, State
from golden.learning.step import check_images
from golden.spec.block import constants
from golden.spec.learning import INT8_LARGEST, PARAMETER_FRACTION

_FACTOR_BITS = 7
_EPSILON = constants(2).epsilon


def affine(it: LayerState, unit: int) -> tuple[np.ndarray, np.ndarray]:
    """(scale, offset), float64 (F,): y = sum · scale + offset, the norm with its running statistics.

    Parameters
    ----------
    unit: exponent of the sums.
    """
    epsilon = float(np.ldexp(_EPSILON.mantissa, _EPSILON.exponent))
    gamma, beta = (np.ldexp(v.numpy().astype(np.float64), -PARAMETER_FRACTION) for v in (it.gamma, it.beta))
    # A channel without spread gives beta, as in training.
    spread = it.spread.floats()
    scale = np.where(spread == 0, 0.0, gamma / (spread + epsilon))
    return np.ldexp(scale, unit), beta - it.mean.floats() * scale


def folded(it: LayerState, unit: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(factor, offset, exponent), float64 (F,): y = (sum · factor + offset) · 2^exponent, all integers.

    |factor| has 7 bits, the offset is the nearest integer.
    """
    scale, real = affine(it, unit)
    fraction, place = np.frexp(scale)
    factor = np.rint(np.ldexp(fraction, _FACTOR_BITS))
    carry = np.abs(factor) == 1 << _FACTOR_BITS
    factor, exponent = np.where(carry, factor / 2, factor), place - _FACTOR_BITS + carry
    return factor, np.rint(np.ldexp(real, -exponent)), exponent


def logits(network: Network, state: State, images: torch.Tensor) -> torch.Tensor:
    """float64 integers (N, classes), LSB 2^−10, of int8 images (N, C, H, W); any N of at least 1."""
    with torch.no_grad():
        maps = [check_images(network, images)]
        for layer, it in zip(network.layers, state.layers, strict=True):
            sums = exact.forward(maps[layer.source], it.codes, layer.stride, f"layer {layer.name}")
            found = folded(it, map_exponent(state, layer.source) + layer.unit)
            factor, offset, exponent = (
                torch.from_numpy(np.asarray(each, np.float64))[:, None, None] for each in found
            )
            y = (sums.to(torch.float64) * factor + offset) * 2.0**exponent
            if layer.add is not None:
                y += maps[layer.add].to(torch.float64) * 2.0 ** map_exponent(state, layer.add)
            low = 0 if layer.relu else -INT8_LARGEST
            integers = (y * 2.0**-it.activation).round_().clamp_(low, INT8_LARGEST)
            maps.append(integers.to(torch.float32))
        return head(network, state, maps[-1]).logits


def accuracy(
    network: Network, state: State, images: torch.Tensor, labels: torch.Tensor, part: int = 500
) -> float:
    """Share of images whose largest logit is their label; the first of equal logits counts."""
    right = 0
    for some, truth in zip(images.split(part), labels.split(part), strict=True):
        right += int((logits(network, state, some).argmax(1) == truth).sum())
    return right / len(labels)
