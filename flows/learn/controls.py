"""What stands beside the device's rule: cutting instead of stochastic rounding, float master weights."""

from dataclasses import replace

import numpy as np
import torch

from golden.learning import STILL, Network, Rates, Report, Scheme, State, everything
from golden.learning.backward import Backward, LayerGradients
from golden.learning.forward import forward
from golden.learning.random import Generators
from golden.learning.softmax import softmax
from golden.learning.state import LayerState, nearest_codes
from golden.learning.step import advance, check_images
from golden.numerics.lfsr import RandomWords, UInt64
from golden.spec.learning import CODE_UNIT


class _Zeros(RandomWords):
    def take(self, count: int) -> UInt64:
        """Words of zeros; the state goes on as it would."""
        super().take(count)
        return np.zeros(count, np.uint64)


class _NoRandomBits(Generators):
    """Generators whose every bit is zero: all that is rounded with them is cut."""

    def __init__(self, state: State) -> None:
        super().__init__(state.generators)
        self._words = [_Zeros(each) for each in state.generators]


def truncation(
    network: Network,
    state: State,
    images: torch.Tensor,
    labels: torch.Tensor,
    rates: Rates,
    scheme: Scheme | None,
) -> tuple[State, Report]:
    """A step whose stochastic roundings cut."""
    scheme = scheme or everything(network)
    return advance(network, state, images, labels, rates, scheme, _NoRandomBits(state))


class Masters:
    """Steps with a float master weight behind each code, which is the nearest to it: plain gradient descent.

    Parameters
    ----------
    scale: the rate of the masters is the plain rate times this.
    """

    def __init__(self, scale: float) -> None:
        self._scale = scale
        self._masters: list[torch.Tensor] = []

    def step(
        self,
        network: Network,
        state: State,
        images: torch.Tensor,
        labels: torch.Tensor,
        rates: Rates,
        scheme: Scheme | None,
    ) -> tuple[State, Report]:
        """As `golden.learning.step`; the masters belong to the state that it gave last."""
        scheme = scheme or everything(network)
        if not self._masters:
            self._masters = [it.codes.to(torch.float64) for it in state.layers]
        following, report = advance(
            network, state, images, labels, replace(rates, code=None), scheme, Generators(state.generators)
        )
        if rates == STILL:
            return following, report
        found = self._gradients(network, state, images, labels, scheme)
        layers, moved = [], 0
        for index, (it, gradient) in enumerate(zip(following.layers, found, strict=True)):
            layer, count = self._moved(index, it, gradient, rates.plain / 256)
            layers.append(layer)
            moved += count
        return replace(following, layers=tuple(layers)), replace(report, moved=moved)

    def _gradients(
        self, network: Network, state: State, images: torch.Tensor, labels: torch.Tensor, scheme: Scheme
    ) -> list[LayerGradients | None]:
        """Those of the step, once more."""
        with torch.no_grad():
            trace = forward(network, state, check_images(network, images), scheme.statistics)
            truth = labels.numpy()
            back = Backward(network, state, trace, Generators(state.generators), scheme)
            back.head(softmax(trace.head.logits.numpy().astype(np.int64), truth), truth)
            found = [back.layer(index) for index in reversed(range(len(network.layers)))]
        return found[::-1]

    def _moved(
        self, index: int, it: LayerState, found: LayerGradients | None, rate: float
    ) -> tuple[LayerState, int]:
        if found is None or found.codes is None:
            return it, 0
        # The gradient by a weight moves the weight, which is a code of this unit.
        real = found.codes.to(torch.float64) * 2.0 ** (found.code_unit - CODE_UNIT)
        step = real * rate * self._scale
        self._masters[index] = ((self._masters[index] - step) * it.mask).clamp(-64, 64)
        codes = torch.from_numpy(nearest_codes(self._masters[index].numpy()).astype(np.int8)) * it.mask
        return replace(it, codes=codes), int((codes != it.codes).sum())
