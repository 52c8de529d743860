"""States of training that are far from those that a training reaches."""

from dataclasses import replace

import numpy as np
import torch

from golden.learning import State
from golden.learning.state import HEAD_LARGEST
from golden.lightnorm import scalars
from golden.lightnorm.scalars import Scalars
from golden.spec.learning import ACTIVATION_EXPONENTS, ERROR_EXPONENTS, GRADIENT_EXPONENTS


def shaken(state: State, rng: np.random.Generator) -> State:
    """Exponents, parameters and statistics anywhere within their ranges, at their ends too."""

    def exponent(limits: tuple[int, int]) -> int:
        return int(rng.choice([*limits, int(rng.integers(limits[0], limits[1] + 1))]))

    def integers(like: torch.Tensor, largest: int) -> torch.Tensor:
        values = rng.choice([-largest, 0, largest, *rng.integers(-largest, largest + 1, 9)], like.shape)
        return torch.from_numpy(values.astype(np.int16))

    def statistics(count: int, low: int) -> Scalars:
        mantissas = rng.integers(low, 2, count) * rng.integers(1 << 23, 1 << 24, count)
        return scalars.normalise(mantissas, rng.integers(-60, 10, count))

    layers = []
    for it in state.layers:
        count = len(it.gamma)
        layers.append(
            replace(
                it,
                gamma=integers(it.gamma, 32767),
                beta=integers(it.beta, 32767),
                mean=statistics(count, -1),
                spread=statistics(count, 0),
                activation=exponent(ACTIVATION_EXPONENTS),
                map_error=exponent(ERROR_EXPONENTS),
                error=exponent(ERROR_EXPONENTS),
                gradient=exponent(GRADIENT_EXPONENTS),
            )
        )
    head = replace(
        state.head,
        weights=integers(state.head.weights, HEAD_LARGEST),
        bias=integers(state.head.bias, 32767),
        activation=exponent(ACTIVATION_EXPONENTS),
        map_error=exponent(ERROR_EXPONENTS),
        error=exponent(ERROR_EXPONENTS),
    )
    return replace(state, layers=tuple(layers), head=head, steps=int(rng.integers(0, 1 << 30)))
