"""One step of training, and inference with what was learnt."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from golden.learning import norm
from golden.learning.backward import Backward, HeadGradients, LayerGradients, MapError
from golden.learning.forward import Trace, forward
from golden.learning.network import Network
from golden.learning.random import Generators
from golden.learning.scheme import Head, Scheme, Statistics, everything
from golden.learning.softmax import softmax
from golden.learning.state import HeadState, LayerState, State
from golden.learning.update import Moved, Rates, update_codes, update_head, update_norm
from golden.spec.learning import INT8_LARGEST, LearningError


@dataclass(frozen=True)
class Report:
    """Of one step: mean loss in nats, images labelled right of `images`, codes moved of those kept."""

    loss: float
    correct: int
    images: int
    moved: int
    kept: int


@dataclass(frozen=True)
class StepTrace:
    """What a step found on its way.

    Parameters
    ----------
    forward: of the forward pass.  head: its gradients.
    errors: of each map whose error is wanted: its index → int8 values (C, n) in the order of the device.
    layers, moved: gradients of each layer, and how its codes moved; None where nothing was computed.
    """

    forward: Trace
    head: HeadGradients
    errors: dict[int, MapError]
    layers: tuple[LayerGradients | None, ...]
    moved: tuple[Moved | None, ...]


def pixels(images: torch.Tensor) -> torch.Tensor:
    """Grey levels 0…1 (float) as the device's pixels, int8 0…127, to the nearest.

    Raises LearningError where a value is not a number between 0 and 1.
    """
    if not bool(((images >= 0) & (images <= 1)).all()):
        raise LearningError("images: a value is not a number in 0…1; legal: grey levels of that range")
    return (images * INT8_LARGEST).round().to(torch.int8)


def check_images(network: Network, images: torch.Tensor) -> torch.Tensor:
    """int8 (N, C, H, W) as float32. Raises LearningError for another type or shape, or −128."""
    wanted = ("N", *network.image)
    if images.dtype != torch.int8 or images.dim() != 4 or tuple(images.shape[1:]) != network.image:
        raise LearningError(f"images: {images.dtype} {tuple(images.shape)}; legal: torch.int8 {wanted}")
    if images.numel() and int(images.min()) < -INT8_LARGEST:
        raise LearningError(f"images: a pixel of −128; legal: ±{INT8_LARGEST} at most")
    return images.to(torch.float32)


def check_labels(network: Network, labels: torch.Tensor, images: int) -> np.ndarray:
    if labels.dtype != torch.int64 or tuple(labels.shape) != (images,):
        raise LearningError(f"labels: {labels.dtype} {tuple(labels.shape)}; legal: torch.int64 ({images},)")
    wrong = (labels < 0) | (labels >= network.classes)
    if wrong.any():
        place = int(wrong.nonzero()[0, 0])
        raise LearningError(
            f"labels: image {place} has label {int(labels[place])}; legal: 0…{network.classes - 1}"
        )
    return np.asarray(labels.numpy())


def step(
    network: Network,
    state: State,
    images: torch.Tensor,
    labels: torch.Tensor,
    rates: Rates,
    scheme: Scheme | None = None,
) -> tuple[State, Report]:
    """The state after one step; the given one is left as it is, also where an error is raised.

    Parameters
    ----------
    images: int8 (N, C, H, W), N as `Network.check_batch` demands; see `pixels`.
    labels: int64 (N,), 0…classes − 1.
    scheme: what learns; None: everything.

    Raises LearningError for images, labels, batches and schemes outside these.
    """
    return advance(
        network, state, images, labels, rates, scheme or everything(network), Generators(state.generators)
    )


def advance(
    network: Network,
    state: State,
    images: torch.Tensor,
    labels: torch.Tensor,
    rates: Rates,
    scheme: Scheme,
    generators: Generators,
) -> tuple[State, Report]:
    """`step` with random bits of any generators."""
    state, report, _ = traced(network, state, images, labels, rates, scheme, generators)
    return state, report


def traced(
    network: Network,
    state: State,
    images: torch.Tensor,
    labels: torch.Tensor,
    rates: Rates,
    scheme: Scheme,
    generators: Generators,
) -> tuple[State, Report, StepTrace]:
    """`advance`, and what it found on its way."""
    scheme.demand(network)
    with torch.no_grad():
        values = check_images(network, images)
        truth = check_labels(network, labels, len(images))
        network.check_batch(len(images), scheme.least)
        trace = forward(network, state, values, scheme.statistics)
        found = softmax(trace.head.logits.numpy().astype(np.int64), truth)
        back = Backward(network, state, trace, generators, scheme)
        head_found = back.head(found, truth)
        head = next_head(network, state.head, trace, head_found, rates, scheme, generators)
        update = Update(network, state, trace, rates, scheme, generators)
        gradients, layers = [], []
        for index in reversed(range(len(network.layers))):
            gradients.append(back.layer(index))
            layers.append(update.layer(index, gradients[-1]))
    correct = int((trace.head.logits.argmax(1) == labels).sum())
    report = Report(found.nats(), correct, len(images), update.moved, update.kept)
    following = State(tuple(reversed(layers)), head, generators.states, state.steps + 1)
    moved = tuple(update.codes.get(index) for index in range(len(layers)))
    return following, report, StepTrace(trace, head_found, back.errors, tuple(reversed(gradients)), moved)


def next_head(
    network: Network,
    it: HeadState,
    trace: Trace,
    found: HeadGradients,
    rates: Rates,
    scheme: Scheme,
    generators: Generators,
) -> HeadState:
    """The head after the step."""
    weights, bias = it.weights, it.bias
    if found.weights is not None:
        weights = update_head(
            weights, found.weights, found.weight_unit - network.head_unit, rates.plain, generators
        )
    if scheme.head != Head.FROZEN:
        bias = update_norm(bias, found.bias, found.bias_unit, rates.plain, generators)
    return HeadState(weights, bias, trace.head.activation, found.map_error, found.error)


class Update:
    """The layers of the next state, last to first.

    `moved` codes have moved of `kept` that learn; `codes`: layer → its own.
    """

    def __init__(
        self,
        network: Network,
        state: State,
        trace: Trace,
        rates: Rates,
        scheme: Scheme,
        generators: Generators,
    ) -> None:
        self._network, self._state, self._trace = network, state, trace
        self._rates, self._scheme, self._generators = rates, scheme, generators
        self.moved = self.kept = 0
        self.codes: dict[int, Moved] = {}

    def layer(self, index: int, found: LayerGradients | None) -> LayerState:
        """Layer `index` after the step."""
        it, trace, share = self._state.layers[index], self._trace.layers[index], self._network.share
        following = replace(it, activation=trace.activation)
        if self._scheme.statistics == Statistics.BATCH:
            batch = trace.normed.found
            mean, spread = (
                norm.followed(it.mean, batch.mean, share),
                norm.followed(it.spread, batch.spread, share),
            )
            following = replace(following, mean=mean, spread=spread)
        if found is None:
            return following
        following = replace(following, map_error=found.map_error, error=found.error)
        learns, plain = self._scheme.layers[index], self._rates.plain
        if found.codes is not None:
            codes = update_codes(
                it,
                found.codes,
                found.code_unit,
                learns.channels,
                self._rates.code,
                self._network,
                self._generators,
            )
            self.codes[index] = codes
            self.moved, self.kept = self.moved + codes.moved, self.kept + codes.kept
            following = replace(
                following, codes=codes.codes, counters=codes.counters, gradient=codes.gradient
            )
        if learns.norm:
            gamma = update_norm(it.gamma, found.gamma, found.norm_unit, plain, self._generators)
            beta = update_norm(it.beta, found.beta, found.norm_unit, plain, self._generators)
            following = replace(following, gamma=gamma, beta=beta)
        return following
