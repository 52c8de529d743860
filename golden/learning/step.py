"""One step of training, and inference with what was learnt."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from golden.learning import norm
from golden.learning.backward import Backward, HeadGradients, LayerGradients
from golden.learning.forward import LayerTrace, Trace, forward
from golden.learning.network import Network
from golden.learning.random import Generators
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


def _check_labels(network: Network, labels: torch.Tensor, images: int) -> np.ndarray:
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
    network: Network, state: State, images: torch.Tensor, labels: torch.Tensor, rates: Rates
) -> tuple[State, Report]:
    """The state after one step; the given one is left as it is, also where an error is raised.

    Parameters
    ----------
    images: int8 (N, C, H, W), N at least 2; see `pixels`.  labels: int64 (N,), 0…classes − 1.

    Raises LearningError for images, labels and batches outside these.
    """
    with torch.no_grad():
        values = check_images(network, images)
        truth = _check_labels(network, labels, len(images))
        network.check_batch(len(images))
        trace = forward(network, state, values)
        found = softmax(trace.head.logits.numpy().astype(np.int64), truth)
        generators = Generators(state.generators)
        back = Backward(network, state, trace, generators)
        head = _next_head(network, state.head, trace, back.head(found, truth), rates, generators)
        layers, moved, kept = [], 0, 0
        for index in reversed(range(len(network.layers))):
            layer, codes = _next_layer(
                network, state.layers[index], trace.layers[index], back.layer(index), rates, generators
            )
            layers.append(layer)
            moved, kept = moved + codes.moved, kept + codes.kept
    correct = int((trace.head.logits.argmax(1) == labels).sum())
    report = Report(found.nats(), correct, len(images), moved, kept)
    return State(tuple(reversed(layers)), head, generators.states, state.steps + 1), report


def _next_head(
    network: Network, it: HeadState, trace: Trace, found: HeadGradients, rates: Rates, generators: Generators
) -> HeadState:
    weights = update_head(it.weights, found, rates.plain, generators)
    return HeadState(
        weights=weights,
        bias=update_norm(it.bias, found.bias, found.bias_unit, rates.plain, generators),
        activation=trace.head.activation,
        map_error=found.map_error,
        error=found.error,
    )


def _next_layer(
    network: Network,
    it: LayerState,
    trace: LayerTrace,
    found: LayerGradients,
    rates: Rates,
    generators: Generators,
) -> tuple[LayerState, Moved]:
    codes = update_codes(
        it.codes,
        it.mask,
        it.counters,
        found,
        it.gradient,
        rates.code,
        network.counter_bits,
        network.array,
        generators,
    )
    gamma = update_norm(it.gamma, found.gamma, found.norm_unit, rates.plain, generators)
    beta = update_norm(it.beta, found.beta, found.norm_unit, rates.plain, generators)
    statistics = trace.normed.found
    following = replace(
        it,
        codes=codes.codes,
        counters=codes.counters,
        gamma=gamma,
        beta=beta,
        mean=norm.followed(it.mean, statistics.mean, network.share),
        spread=norm.followed(it.spread, statistics.spread, network.share),
        activation=trace.activation,
        map_error=found.map_error,
        error=found.error,
        gradient=codes.gradient,
    )
    return following, codes
