"""From the loss to the gradients: errors layer by layer, last to first; docs/learning.md, section 8."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from golden.learning import exact, norm
from golden.learning.forward import Trace, head_integers, map_exponent, passes
from golden.learning.network import Network
from golden.learning.planes import by_channel, by_image
from golden.learning.random import Generators, map_bytes
from golden.learning.rounding import Rounded, fraction, powers, stochastic_int8
from golden.learning.scheme import Head, Scheme
from golden.learning.softmax import Softmax
from golden.learning.state import State
from golden.spec.learning import ERROR_EXPONENTS, ERROR_RANDOM_BITS, EXP_BITS, TERM_UNIT, Generator


@dataclass(frozen=True)
class HeadGradients:
    """Of the head: integers, with the exponents of their units; errors carry the next scales' exponents.

    Parameters
    ----------
    weights: float (classes, features) of unit 2^weight_unit; None where they do not learn.
    bias: float64 (classes,) of unit 2^bias_unit.
    """

    weights: torch.Tensor | None
    weight_unit: int
    bias: np.ndarray
    bias_unit: int
    error: int
    map_error: int


@dataclass(frozen=True)
class MapError:
    """The error of a map: float32 integers (C, n) −127…127 of unit 2^exponent."""

    values: torch.Tensor
    exponent: int


@dataclass(frozen=True)
class LayerGradients:
    """Of a layer.

    Parameters
    ----------
    codes: float, integers (F, C, k, k) of unit 2^code_unit; positions outside the mask hold sums, too, that
        the array does not compute and nothing reads. None where no code learns.
    gamma, beta: float64 (F,), integers and fractions of unit 2^norm_unit.
    error, map_error: the next exponents.
    output: the error at the convolution's output; None where nothing needs it.
    below: counts (saturated, large) of the error that went to the map below; None where none did.
    """

    codes: torch.Tensor | None
    code_unit: int
    gamma: np.ndarray
    beta: np.ndarray
    norm_unit: int
    error: int
    map_error: int
    output: Rounded | None = None
    below: tuple[int, int] | None = None


class Backward:
    """One backward pass. `head()` first, then `layer(i)` from the last to the first.

    errors: of the maps so far, by their index.
    """

    def __init__(
        self, network: Network, state: State, trace: Trace, generators: Generators, scheme: Scheme
    ) -> None:
        self._network, self._state, self._trace, self._random = network, state, trace, generators
        self._scheme, self._wanted = scheme, scheme.wanted(network)
        self.errors: dict[int, MapError] = {}
        self._moved: dict[int, int] = {}

    def _scalar_bytes(self, shape: torch.Size) -> torch.Tensor:
        """A byte for each value of (elements, N), image by image."""
        found = self._random.scalars(shape[0] * shape[1], ERROR_RANDOM_BITS)
        return torch.from_numpy(found.reshape(shape[1], shape[0]).T).to(torch.float32)

    def head(self, found: Softmax, labels: np.ndarray) -> HeadGradients:
        """The error of the loss, the head's gradients, and the error of the last map."""
        it, features = self._state.head, self._trace.head.features
        wanted = np.zeros_like(found.probabilities)
        wanted[np.arange(len(labels)), labels] = 1 << EXP_BITS
        gaps = torch.from_numpy((found.probabilities - wanted).T.astype(np.float32))
        # The mean over the batch, by the power of two at or above its size.
        unit = -EXP_BITS - (len(labels) - 1).bit_length()
        errors = self._scalars_rounded(fraction(gaps, unit - it.error), it.error)
        result = HeadGradients(
            weights=None,
            weight_unit=it.error + TERM_UNIT + it.activation,
            bias=errors.values.sum(1, dtype=torch.float64).numpy(),
            bias_unit=it.error,
            error=errors.exponent,
            map_error=it.map_error,
        )
        learns = self._scheme.head == Head.ALL
        if learns or self._wanted[-1]:
            terms = powers(errors.values, self._scalar_bytes(gaps.shape))
        if self._wanted[-1]:
            result = replace(result, map_error=self._features(terms))
        if learns:
            result = replace(result, weights=exact.product(terms, features.T, "head: gradient"))
        return result

    def _features(self, terms: torch.Tensor) -> int:
        """The error of the features, which is that of the last map; the next exponent."""
        network, it, features = self._network, self._state.head, self._trace.head.features
        sums = exact.product(head_integers(it).T, terms, "head: errors")
        passed = fraction(sums, it.error + TERM_UNIT + network.head_unit - it.map_error).mul_(
            passes(features, relu=False)
        )
        below = self._scalars_rounded(passed, it.map_error)
        last = len(network.layers)
        values = by_channel(self._trace.maps[last], network.degrees[last])
        spread = below.values.repeat_interleave(values.shape[1] // terms.shape[1], 1)
        spread *= passes(values, network.layers[-1].relu)
        self.errors[last] = MapError(spread, it.map_error - network.pool_shift)
        return below.exponent

    def _scalars_rounded(self, fractions: torch.Tensor, exponent: int) -> Rounded:
        return stochastic_int8(fractions, self._scalar_bytes(fractions.shape), exponent, ERROR_EXPONENTS)

    def error(self, index: int) -> MapError:
        """The error of map `index`; of one that is only added, that of the map it is added to."""
        if index not in self.errors:
            adder = self._network.adder(index)
            assert adder is not None, "every map has its error before its layer's turn"
            return self.error(adder + 1)
        return self.errors[index]

    def _send(self, index: int, errors: torch.Tensor) -> tuple[int, int]:
        """The error pass of layer `index`: its codes × errors (N, F, H, W) to the map that it reads; its
        counts."""
        network, layer, it = self._network, self._network.layers[index], self._state.layers[index]
        source, x = layer.source, self._trace.maps[layer.source]
        readers, adder = network.readers(source), network.adder(source)
        exponent, degree = self._state.layers[source - 1].map_error, network.degrees[source]
        sums = exact.below(errors, x, it.codes, layer.stride, f"layer {layer.name}: errors")
        total = fraction(by_channel(sums, degree), it.error + layer.unit - exponent)
        addend = None
        if index != readers[-1]:
            addend = self.errors[source]
        elif adder is not None:
            addend = self.error(adder + 1)
        if addend is not None:
            total += fraction(addend.values, addend.exponent - exponent)
        if index == readers[0]:
            total *= passes(by_channel(x, degree), network.layers[source - 1].relu)
        filters = network.array.round_filters(len(total))
        random = map_bytes(self._random[Generator.ERRORS], total.shape, network.array, filters)
        rounded = stochastic_int8(total, random, exponent, ERROR_EXPONENTS)
        self.errors[source] = MapError(rounded.values, exponent)
        # That of the last pass counts: it overwrites those before.
        self._moved[source] = rounded.exponent
        return rounded.counts

    def layer(self, index: int) -> LayerGradients | None:
        """Both ways of the layer's norm, its gradients and the error of the map below; None where nothing of
        the layer learns and nothing below it.
        """
        layer, it, learns = self._network.layers[index], self._state.layers[index], self._scheme.layers[index]
        down = self._wanted[layer.source]
        if not (learns.learns or down):
            return None
        x, output = self._trace.maps[layer.source], self.error(index + 1)
        normed = norm.backward(output.values, self._trace.layers[index].normed, self._scheme.statistics)
        result = LayerGradients(
            codes=None,
            code_unit=it.error + TERM_UNIT + map_exponent(self._state, layer.source),
            gamma=normed.gamma,
            beta=normed.beta,
            norm_unit=output.exponent,
            error=it.error,
            map_error=self._moved.get(index + 1, it.map_error),
        )
        if not (learns.channels or down):
            return result
        errors = self._at_convolution(index, normed.fractions(output.exponent - it.error))
        result = replace(result, error=errors.exponent, output=errors)
        shape, degree = self._trace.maps[index + 1].shape, self._network.degrees[index + 1]
        if down:
            result = replace(result, below=self._send(index, by_image(errors.values, shape, degree)))
        if learns.channels:
            terms = by_image(self._terms(errors.values), shape, degree)
            where = f"layer {layer.name}: gradient"
            result = replace(result, codes=exact.gradient(terms, x, it.codes, layer.stride, where))
        return result

    def _at_convolution(self, index: int, fractions: torch.Tensor) -> Rounded:
        """The error at a convolution's output."""
        random = map_bytes(self._random[Generator.NORM], fractions.shape, self._network.array, 1)
        return stochastic_int8(fractions, random, self._state.layers[index].error, ERROR_EXPONENTS)

    def _terms(self, errors: torch.Tensor) -> torch.Tensor:
        """Errors (F, n) as powers of two."""
        filters = self._network.array.round_filters(len(errors))
        random = map_bytes(self._random[Generator.TERMS], errors.shape, self._network.array, filters)
        return powers(errors, random)
