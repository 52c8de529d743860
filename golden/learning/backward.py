"""From the loss to the gradients: errors layer by layer, last to first; docs/learning.md, section 8."""

from dataclasses import dataclass

import numpy as np
import torch

from golden.learning import exact, norm
from golden.learning.forward import Trace, by_channel, by_image, head_integers, map_exponent
from golden.learning.network import Network
from golden.learning.random import tile_bytes
from golden.learning.rounding import Rounded, fraction, powers, stochastic_int8
from golden.learning.softmax import Softmax
from golden.learning.state import State
from golden.numerics.lfsr import RandomWords
from golden.spec.learning import ERROR_EXPONENTS, EXP_BITS, HEAD_UNIT


@dataclass(frozen=True)
class HeadGradients:
    """Of the head: integers, with the exponents of their units; errors carry the next scales' exponents.

    Parameters
    ----------
    weights: float (classes, features) of unit 2^weight_unit.  bias: float64 (classes,) of unit 2^bias_unit.
    """

    weights: torch.Tensor
    weight_unit: int
    bias: np.ndarray
    bias_unit: int
    error: int
    map_error: int


@dataclass(frozen=True)
class LayerGradients:
    """Of a layer.

    Parameters
    ----------
    codes: float, integers (F, C, k, k) of unit 2^code_unit; positions outside the mask hold sums, too, that
        the array does not compute and nothing reads.
    gamma, beta: float64 (F,), integers and fractions of unit 2^norm_unit.
    error, map_error: the next exponents.
    """

    codes: torch.Tensor
    code_unit: int
    gamma: np.ndarray
    beta: np.ndarray
    norm_unit: int
    error: int
    map_error: int


class Backward:
    """One backward pass. `head()` first, then `layer(i)` from the last to the first.

    The random words are taken in the order of these calls, and of the lines in them.
    """

    def __init__(self, network: Network, state: State, trace: Trace, words: RandomWords) -> None:
        self._network, self._state, self._trace, self._words = network, state, trace, words
        self._images = trace.maps[0].shape[0]
        self._sums: dict[int, torch.Tensor] = {}

    def _bytes(self, channels: int, images: int, pixels: int) -> torch.Tensor:
        found = tile_bytes(self._words, channels, images, pixels, self._network.round_filters)
        return torch.from_numpy(np.ascontiguousarray(found).reshape(channels, -1)).to(torch.float32)

    def _send(self, index: int, errors: torch.Tensor, exponent: int) -> None:
        """Adds errors (C, n or N) of unit 2^exponent to those of map `index`."""
        if index == 0:
            return
        found = fraction(errors, exponent - self._state.layers[index - 1].map_error)
        self._sums[index] = self._sums[index].add_(found) if index in self._sums else found

    def head(self, found: Softmax, labels: np.ndarray) -> HeadGradients:
        """The error of the loss, the head's gradients, and the error of the last map."""
        network, it, trace = self._network, self._state.head, self._trace.head
        wanted = np.zeros_like(found.probabilities)
        wanted[np.arange(len(labels)), labels] = 1 << EXP_BITS
        gaps = torch.from_numpy((found.probabilities - wanted).T.astype(np.float32))
        # The mean over the batch, by the power of two at or above its size.
        unit = -EXP_BITS - (self._images - 1).bit_length()
        errors = self._round(fraction(gaps, unit - it.error), 1, it.error)
        terms = powers(errors.values, self._bytes(network.classes, 1, self._images))
        sums = exact.product(head_integers(it).T, terms, "head: errors")
        passed = fraction(sums, it.error + HEAD_UNIT - it.map_error).mul_(trace.passes)
        below = self._round(passed, 1, it.map_error)
        last = len(self._state.layers)
        pixels = self._trace.maps[-1][0, 0].numel()
        spread = below.values[:, :, None].expand(-1, -1, pixels).flatten(1)
        self._send(last, spread, it.map_error - network.pool_shift)
        return HeadGradients(
            weights=exact.product(terms, trace.features.T, "head: gradient"),
            weight_unit=it.error + it.activation,
            bias=errors.values.sum(1, dtype=torch.float64).numpy(),
            bias_unit=it.error,
            error=errors.exponent,
            map_error=below.exponent,
        )

    def _round(self, fractions: torch.Tensor, images: int, exponent: int) -> Rounded:
        channels, values = fractions.shape
        random = self._bytes(channels, images, values // images)
        return stochastic_int8(fractions, random, exponent, ERROR_EXPONENTS)

    def layer(self, index: int) -> LayerGradients:
        """The error of the layer's output, both ways of its norm, its gradients and the errors below."""
        layer, it = self._network.layers[index], self._state.layers[index]
        trace, x = self._trace.layers[index], self._trace.maps[layer.source]
        where = f"layer {layer.name}"
        arrived = self._sums.pop(index + 1).mul_(trace.passes)
        output = self._round(arrived, self._images, it.map_error)
        if layer.add is not None:
            self._send(layer.add, output.values, it.map_error)
        normed = norm.backward(output.values, trace.normed)
        errors = self._round(fraction(normed.dx, it.map_error - it.error), self._images, it.error)
        terms = powers(
            errors.values, self._bytes(layer.filters, self._images, errors.values.shape[1] // self._images)
        )
        shape = self._trace.maps[index + 1].shape
        if layer.source:
            sent = exact.below(by_image(errors.values, shape), x, it.codes, layer.stride, f"{where}: errors")
            self._send(layer.source, by_channel(sent), it.error + layer.unit)
        return LayerGradients(
            codes=exact.gradient(by_image(terms, shape), x, it.codes, layer.stride, f"{where}: gradient"),
            code_unit=it.error + map_exponent(self._state, layer.source),
            gamma=normed.gamma,
            beta=normed.beta,
            norm_unit=it.map_error,
            error=errors.exponent,
            map_error=output.exponent,
        )
