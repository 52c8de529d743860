"""All that a training keeps from step to step; nothing in it is a float."""

from dataclasses import dataclass

import numpy as np
import torch

from golden.learning.network import Network
from golden.lightnorm import scalars
from golden.lightnorm.scalars import Scalars
from golden.spec.formats import EXPONENTS
from golden.spec.learning import (
    ACTIVATION_EXPONENTS,
    ERROR_EXPONENTS,
    GRADIENT_EXPONENTS,
    HEAD_FRACTION,
    INT8_LARGEST,
    PARAMETER_BITS,
    PARAMETER_FRACTION,
    Generator,
    LearningError,
    Lfsr,
    seeded,
)


@dataclass(frozen=True)
class LayerState:
    """State of one layer.

    Parameters
    ----------
    codes: int8 (F, C, k, k), 0 or ±2^p.  mask: bool, same shape: the kept positions.
    counters: int8, same shape, |counter| < 2^(counter_bits − 1).
    gamma, beta: int16 (F,), LSB 2^−10.
    mean, spread: running statistics of the norm's input, (F,).
    activation, map_error: exponents of the output map and of its error; that of the last map and of maps that
        are only added is not used and stays.
    error: exponent of the error at the convolution's output.  gradient: g, of the mean |G|.
    """

    codes: torch.Tensor
    mask: torch.Tensor
    counters: torch.Tensor
    gamma: torch.Tensor
    beta: torch.Tensor
    mean: Scalars
    spread: Scalars
    activation: int
    map_error: int
    error: int
    gradient: int


@dataclass(frozen=True)
class HeadState:
    """State of the fully connected layer.

    Parameters
    ----------
    weights: int16 (classes, features), unit 2^(Network.head_unit − HEAD_FRACTION), at most ±HEAD_LARGEST.
    bias: int16 (classes,), LSB 2^−10.
    activation, map_error: exponents of the pooled features and of their error.
    error: exponent of the error at the logits.
    """

    weights: torch.Tensor
    bias: torch.Tensor
    activation: int
    map_error: int
    error: int


@dataclass(frozen=True)
class State:
    """Of the whole network; tensors in it are never changed in place.

    Parameters
    ----------
    generators: where each `golden.spec.learning.Generator` stands.  steps: updates done.
    """

    layers: tuple[LayerState, ...]
    head: HeadState
    generators: tuple[Lfsr, ...]
    steps: int


HEAD_LARGEST = INT8_LARGEST << HEAD_FRACTION

_FIRST_ACTIVATION = -5
_FIRST_ERROR = -12
_FIRST_GRADIENT = -8
"""Where exponents begin; `golden.learning.loop.settle` lets them move to their places."""


def check_state(network: Network, state: State) -> None:
    """Raises LearningError naming layer, tensor and value that no training could have left."""
    if len(state.layers) != len(network.layers):
        raise LearningError(f"state of {len(state.layers)} layers; the network has {len(network.layers)}")
    if len(state.generators) != len(Generator):
        raise LearningError(f"state of {len(state.generators)} generators; legal: {len(Generator)}")
    if state.steps < 0:
        raise LearningError(f"state: steps = {state.steps}; legal: 0 or more")
    for index, (layer, it) in enumerate(zip(network.layers, state.layers, strict=True)):
        _check_layer(network, f"layer {layer.name}", network.weight_shape(index), it)
    head = state.head
    _check_tensor(
        "head: weights", head.weights, torch.int16, (network.classes, network.features), HEAD_LARGEST
    )
    _check_tensor("head: bias", head.bias, torch.int16, (network.classes,), 1 << PARAMETER_BITS - 1)
    _check_exponents("head", head)


def _check_layer(network: Network, where: str, shape: tuple[int, ...], it: LayerState) -> None:
    top = 1 << EXPONENTS - 1
    _check_tensor(f"{where}: codes", it.codes, torch.int8, shape, top)
    _check_tensor(f"{where}: mask", it.mask, torch.bool, shape, 1)
    _check_tensor(f"{where}: counters", it.counters, torch.int8, shape, (1 << network.counter_bits - 1) - 1)
    for name in ("gamma", "beta"):
        _check_tensor(f"{where}: {name}", getattr(it, name), torch.int16, shape[:1], 1 << PARAMETER_BITS - 1)
    magnitudes = it.codes.to(torch.int32).abs()
    broken = magnitudes & (magnitudes - 1) != 0
    if broken.any():
        raise LearningError(
            f"{where}: code {int(it.codes[broken][0])}; legal: 0 or ±2^p, p in 0…{EXPONENTS - 1}"
        )
    if ((it.codes != 0) | (it.counters != 0))[~it.mask].any():
        raise LearningError(
            f"{where}: a code or a counter outside the mask is not 0; legal: kept positions alone"
        )
    if not it.mask.any():
        raise LearningError(f"{where}: its mask keeps nothing; legal: at least one position")
    for name in ("mean", "spread"):
        value = getattr(it, name)
        again = scalars.normalise(value.mantissa, value.exponent)
        whole = value.mantissa.shape == shape[:1] == value.exponent.shape
        if not whole or (again.mantissa != value.mantissa).any() or (again.exponent != value.exponent).any():
            raise LearningError(f"{where}: running {name} is no array of {shape[0]} scalars of 24 bits")
        if name == "spread" and (value.mantissa < 0).any():
            raise LearningError(f"{where}: running spread below 0; legal: 0 or more")
    _check_exponents(where, it)


def _check_tensor(
    what: str, it: torch.Tensor, kind: torch.dtype, shape: tuple[int, ...], largest: int
) -> None:
    if it.dtype != kind or tuple(it.shape) != tuple(shape):
        nan = ", with NaN" if it.is_floating_point() and bool(it.isnan().any()) else ""
        raise LearningError(f"{what}: {it.dtype} {tuple(it.shape)}{nan}; legal: {kind} {tuple(shape)}")
    if kind != torch.bool and it.numel():
        wrong = it.to(torch.int32).abs() > largest
        if wrong.any():
            raise LearningError(f"{what}: value {int(it[wrong][0])}; legal: ±{largest} at most")


def _check_exponents(where: str, it: LayerState | HeadState) -> None:
    for name, (low, high) in (
        ("activation", ACTIVATION_EXPONENTS),
        ("map_error", ERROR_EXPONENTS),
        ("error", ERROR_EXPONENTS),
        ("gradient", GRADIENT_EXPONENTS),
    ):
        value = getattr(it, name, low)
        if not low <= value <= high:
            raise LearningError(f"{where}: exponent {name} = {value}; legal: {low}…{high}")


def seeded_generators(seed: int) -> tuple[Lfsr, ...]:
    """The generators of a seed of 0…2^64 − 1."""
    return tuple(seeded(seed, generator) for generator in Generator)


WHOLE = 1000
"""Weights of a layer that reads the image, up to which it starts with all of them: of a few channels each
counts, and together they are few."""


def fresh_state(network: Network, seed: int, density: float = 0.25, rms: int = 16) -> State:
    """Codes to learn from scratch with: Gaussian of `rms` units, under random masks per filter.

    Parameters
    ----------
    seed: of masks, codes and the generators, 0…2^64 − 1.
    density: kept share of each filter; a layer that reads the image keeps all, up to WHOLE. 0 < density ≤ 1.

    Raises LearningError for a density outside its range.
    """
    if not 0 < density <= 1:
        raise LearningError(f"density = {density}; legal: above 0, at most 1")
    rng = np.random.default_rng(seed)
    layers = []
    for index, layer in enumerate(network.layers):
        shape = network.weight_shape(index)
        filters, places = shape[0], shape[1] * shape[2] * shape[3]
        whole = layer.source == 0 and filters * places <= WHOLE
        kept = places if whole else max(1, round(places * density))
        mask = rng.random((filters, places)).argsort(1).argsort(1) < kept
        codes = np.where(mask, nearest_codes(rng.normal(0, rms, (filters, places))), 0)
        layers.append(
            fresh_layer(
                filters,
                torch.from_numpy(codes.astype(np.int8).reshape(shape)),
                torch.from_numpy(mask.reshape(shape)),
            )
        )
    wide = rng.normal(0, (3 * network.features) ** -0.5, (network.classes, network.features))
    unit = 2.0 ** (network.head_unit - HEAD_FRACTION)
    weights = np.clip(np.rint(wide / unit), -HEAD_LARGEST, HEAD_LARGEST).astype(np.int16)
    return State(tuple(layers), fresh_head(torch.from_numpy(weights)), seeded_generators(seed), 0)


def fresh_layer(filters: int, codes: torch.Tensor, mask: torch.Tensor) -> LayerState:
    """A layer at its start. gamma is 2: the range's estimate of the deviation is 1.4 to 2 times too large."""
    return LayerState(
        codes=codes,
        mask=mask,
        counters=torch.zeros(codes.shape, dtype=torch.int8),
        gamma=torch.full((filters,), 2 << PARAMETER_FRACTION, dtype=torch.int16),
        beta=torch.zeros(filters, dtype=torch.int16),
        mean=scalars.from_floats(np.zeros(filters)),
        spread=scalars.from_floats(np.ones(filters)),
        activation=_FIRST_ACTIVATION,
        map_error=_FIRST_ERROR,
        error=_FIRST_ERROR,
        gradient=_FIRST_GRADIENT,
    )


def fresh_head(weights: torch.Tensor) -> HeadState:
    """A head at its start, without biases."""
    return HeadState(
        weights=weights,
        bias=torch.zeros(len(weights), dtype=torch.int16),
        activation=_FIRST_ACTIVATION,
        map_error=_FIRST_ERROR,
        error=_FIRST_ERROR,
    )


def nearest_codes(values: np.ndarray) -> np.ndarray:
    """The nearest of 0, ±2^0 … ±2^6 to each value, float64; ties to the larger magnitude."""
    magnitude = np.abs(values)
    exponent = np.floor(np.log2(np.maximum(magnitude, 0.75) * 4 / 3))
    nearest = np.where(magnitude < 0.5, 0.0, 2.0 ** np.clip(exponent, 0, EXPONENTS - 1))
    return np.asarray(np.sign(values) * nearest)
