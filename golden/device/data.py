"""The words of the controller's data memory: what a training keeps, and what a step works with.

From address 0 on: the header of a result, the state, the next state in the same order, tables. These are
loaded. Behind them what lives in a step alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch

from golden.device.assembly import data_word
from golden.learning.forward import head_integers
from golden.learning.network import Network
from golden.learning.softmax import EXP_TABLE, LOG_TABLE
from golden.learning.state import HeadState, LayerState, State
from golden.lightnorm.scalars import Scalars
from golden.spec.config import Config
from golden.spec.controller import DOT_BITS, IMMEDIATE_BITS, PACKED, WORD_BITS
from golden.spec.errors import CapacityError
from golden.spec.frames import Result
from golden.spec.learning import PARAMETER_BITS

SCALAR_SHIFT = 16
SCALAR_BIAS = 1 << 14
"""A scalar that is kept: mantissa · 2^SCALAR_SHIFT + exponent + SCALAR_BIAS; 0 is 0, so that its exponent is
below all others."""


@dataclass(frozen=True)
class LayerWords:
    """Addresses of a layer's words in the state.

    Parameters
    ----------
    counts: two; in the next state the norm's forward report begins there.
    scalars: running mean and spread of each channel; there the report has those of the batch.
    parameters: gamma and beta of each channel, with the sign of beta above the word of
        `golden.spec.commands.parameter_record`.
    activation, map_error, error, gradient: exponents.
    """

    counts: int
    scalars: int
    parameters: int
    activation: int
    map_error: int
    error: int
    gradient: int

    @property
    def end(self) -> int:
        """Behind the last one."""
        return self.gradient + 1


@dataclass(frozen=True)
class HeadWords:
    """Likewise of the head.

    Parameters
    ----------
    weights: by class, by feature: the weight · 2^DOT_BITS + the int8 that products take.
    bias: by class.  activation, map_error, error: exponents.  steps: done.
    """

    weights: int
    bias: int
    activation: int
    map_error: int
    error: int
    steps: int

    @property
    def end(self) -> int:
        """Behind the last one."""
        return self.steps + 1


@dataclass(frozen=True)
class DataPlan:
    """Addresses.

    Parameters
    ----------
    state: its first word.  distance: from a word of the state to that of the next state.
    layers, head: of the state.
    exponentials: by the lowest bits of a distance below zero (`exponential_words`).  logarithms: the table of
        `golden.learning.softmax`.  one: a word that is 1.
    code_rate, plain_rate: of the step; the plain one below zero.
    labels: by image.  features: by image, by feature.  terms: by image, by class: logits, then
        exponentials, then errors, then their powers of two.  bias: sums of errors by class.
    by_class, by_feature: the head's int8 weights in packed words: of a class by feature, and the other way.
    feature_counts, error_counts, map_error_counts: of the head: beyond ±127, beyond ±63.
    backward: of each layer: the norm's backward report.  errors: its error pass's.  updates: its update's.
    units: of each layer: exponent of a gradient's unit.  spare: what nobody reads, of two words.
    loaded: words that are loaded.  words: all.
    """

    state: int
    distance: int
    layers: tuple[LayerWords, ...]
    head: HeadWords
    exponentials: int
    logarithms: int
    one: int
    code_rate: int
    plain_rate: int
    labels: int
    features: int
    terms: int
    bias: int
    by_class: int
    by_feature: int
    feature_counts: int
    error_counts: int
    map_error_counts: int
    backward: tuple[int, ...]
    errors: tuple[int, ...]
    updates: tuple[int, ...]
    units: tuple[int, ...]
    spare: int
    loaded: int
    words: int

    def header(self, number: Result) -> int:
        """Address of a number of the result's header."""
        return int(number)


class _Words:
    """Gives out addresses, one run after the other."""

    def __init__(self) -> None:
        self.used = 0

    def take(self, count: int = 1) -> int:
        self.used += count
        return self.used - count


def plan_data(network: Network, images: int, config: Config) -> DataPlan:
    """Raises CapacityError where the data memory is too small."""
    it = _Words()
    filters = [layer.filters for layer in network.layers]
    it.take(len(Result))
    state = it.used
    layers = tuple(
        LayerWords(it.take(2), it.take(2 * count), it.take(count), *(it.take() for _ in range(4)))
        for count in filters
    )
    head = HeadWords(
        it.take(network.classes * network.features), it.take(network.classes), *(it.take() for _ in range(4))
    )
    distance = it.used - state
    it.take(distance)
    exponentials, logarithms, one = it.take(len(EXP_TABLE)), it.take(len(LOG_TABLE)), it.take()
    loaded = it.used
    plan = DataPlan(
        state=state,
        distance=distance,
        layers=layers,
        head=head,
        exponentials=exponentials,
        logarithms=logarithms,
        one=one,
        code_rate=it.take(),
        plain_rate=it.take(),
        labels=it.take(images),
        features=it.take(images * network.features),
        terms=it.take(images * network.classes),
        bias=it.take(network.classes),
        by_class=it.take(network.classes * packed_words(network.features)),
        by_feature=it.take(network.features * packed_words(network.classes)),
        feature_counts=it.take(2),
        error_counts=it.take(2),
        map_error_counts=it.take(2),
        backward=tuple(it.take(2 + 2 * count) for count in filters),
        errors=tuple(it.take(2) for _ in filters),
        updates=tuple(it.take(2) for _ in filters),
        units=tuple(it.take() for _ in filters),
        spare=it.take(2),
        loaded=loaded,
        words=0,
    )
    # Addresses are immediates of instructions.
    most = min(config.controller_words, 1 << IMMEDIATE_BITS - 1)
    if it.used > most:
        raise CapacityError(
            f"data memory of the controller: a step of {images} images needs {it.used} words; "
            f"controller_words of configuration {config.name!r} is {config.controller_words}"
        )
    return replace(plan, words=it.used)


def packed_words(count: int) -> int:
    """Of so many numbers; of the first one parts may be 0."""
    return -(-count // PACKED)


def loaded_words(plan: DataPlan, state: State) -> tuple[int, ...]:
    """What the data memory holds before the first step."""
    kept = state_numbers(state)
    numbers = [0] * len(Result) + kept + kept + exponential_words() + LOG_TABLE.tolist() + [1]
    assert (len(numbers), len(kept)) == (plan.loaded, plan.distance)
    return tuple(data_word(number) for number in numbers)


def exponential_words() -> list[int]:
    """2^16 · 2^(f / 256) to the nearest integer by f, the lowest bits of −256 · distance · log2(e).

    The bits above, which shift, are a floor, so that 2^(f / 256) is twice 2^−((256 − f) / 256).
    """
    first, *below = EXP_TABLE.tolist()
    return [first, *(2 * value for value in reversed(below))]


def state_numbers(state: State) -> list[int]:
    """The words of a state, in order, as numbers with sign."""
    numbers: list[int] = []
    for it in state.layers:
        numbers += [0, 0]
        pairs = zip(_kept(it.mean), _kept(it.spread), strict=True)
        numbers += [number for pair in pairs for number in pair]
        numbers += [
            (beta << PARAMETER_BITS) + (gamma & (1 << PARAMETER_BITS) - 1)
            for gamma, beta in zip(it.gamma.tolist(), it.beta.tolist(), strict=True)
        ]
        numbers += [it.activation, it.map_error, it.error, it.gradient]
    head = state.head
    eighths = head_integers(head).to(torch.int64)
    numbers += ((head.weights.to(torch.int64) << DOT_BITS) + eighths).reshape(-1).tolist()
    numbers += [*head.bias.tolist(), head.activation, head.map_error, head.error, state.steps]
    return numbers


def _kept(values: Scalars) -> list[int]:
    return [
        (mantissa << SCALAR_SHIFT) + exponent + SCALAR_BIAS if mantissa else 0
        for mantissa, exponent in zip(values.mantissa.tolist(), values.exponent.tolist(), strict=True)
    ]


def state_of(plan: DataPlan, numbers: list[int], like: State) -> State:
    """A state of words, from `plan.state` on; what they do not hold is that of `like`."""

    def run(address: int, count: int) -> list[int]:
        return numbers[address - plan.state :][:count]

    layers: list[LayerState] = []
    for it, words in zip(like.layers, plan.layers, strict=True):
        filters = len(it.gamma)
        pairs = run(words.scalars, 2 * filters)
        parameters = run(words.parameters, filters)
        activation, map_error, error, gradient = run(words.activation, 4)
        layers.append(
            replace(
                it,
                gamma=_int16(_low(word) for word in parameters),
                beta=_int16(word >> PARAMETER_BITS for word in parameters),
                mean=_scalars(pairs[0::2]),
                spread=_scalars(pairs[1::2]),
                activation=activation,
                map_error=map_error,
                error=error,
                gradient=gradient,
            )
        )
    shape, head = like.head.weights.shape, plan.head
    half = 1 << DOT_BITS - 1
    weights = _int16(word + half >> DOT_BITS for word in run(head.weights, shape.numel()))
    activation, map_error, error, steps = run(head.activation, 4)
    following = HeadState(
        weights.reshape(shape), _int16(run(head.bias, shape[0])), activation, map_error, error
    )
    return State(tuple(layers), following, like.generators, steps)


def _low(word: int) -> int:
    half = 1 << PARAMETER_BITS - 1
    return (word + half & (1 << PARAMETER_BITS) - 1) - half


def _int16(values: Iterable[int]) -> torch.Tensor:
    return torch.tensor(list(values), dtype=torch.int16)


def _scalars(words: list[int]) -> Scalars:
    low = (1 << SCALAR_SHIFT) - 1
    mantissas = [word >> SCALAR_SHIFT for word in words]
    exponents = [(word & low) - SCALAR_BIAS if word else 0 for word in words]
    return Scalars(np.array(mantissas, np.int64), np.array(exponents, np.int64))


def signed_number(word: int) -> int:
    """A data word as a number with sign."""
    half = 1 << WORD_BITS - 1
    return (word ^ half) - half
