"""The update: counters and codes, parameters of 16 bits. Docs/learning.md, section 9."""

from dataclasses import dataclass

import numpy as np
import torch

from golden.learning.network import Network
from golden.learning.random import Generators, Int64, walk
from golden.learning.state import HEAD_LARGEST, LayerState
from golden.spec.formats import EXPONENTS
from golden.spec.learning import (
    HEAD_FRACTION,
    PARAMETER_BITS,
    PARAMETER_FRACTION,
    RATE_FRACTION,
    UPDATE_RANDOM_BITS,
    Generator,
    LearningError,
    moved_gradient,
)

CODE_RATES = (-24, 4)
PLAIN_RATES = (0, 255)


@dataclass(frozen=True)
class Rates:
    """How far a step goes.

    Parameters
    ----------
    code: L, log2 of the rate of codes, −24…4; None: codes and counters stay.
    plain: of gamma, beta, biases and the head's weights, in units of 2^−8, 0…255; 0: they stay.

    Raises LearningError for values outside.
    """

    code: int | None
    plain: int

    def __post_init__(self) -> None:
        if self.code is not None and not CODE_RATES[0] <= self.code <= CODE_RATES[1]:
            raise LearningError(
                f"rate of codes 2^{self.code}; legal exponents: {CODE_RATES[0]}…{CODE_RATES[1]}, None"
            )
        if not PLAIN_RATES[0] <= self.plain <= PLAIN_RATES[1]:
            raise LearningError(f"plain rate {self.plain}/256; legal: {PLAIN_RATES[0]}…{PLAIN_RATES[1]}")


STILL = Rates(None, 0)
"""A step that moves scales, exponents and statistics alone."""


@dataclass(frozen=True)
class Moved:
    """Codes and counters after an update, the layer's next g, how many codes moved of how many kept, Σ|G|."""

    codes: torch.Tensor
    counters: torch.Tensor
    gradient: int
    moved: int
    kept: int
    total: int


def _cut(values: np.ndarray, limit: int, numbers: Int64) -> Int64:
    """Real values, exact in float64, to integers without bias, saturated to ±limit; int64.

    numbers: of UPDATE_RANDOM_BITS, one a value.
    """
    fine = np.rint(np.ldexp(values, UPDATE_RANDOM_BITS))
    top = float(limit << UPDATE_RANDOM_BITS)
    whole = np.clip(fine, -top, top).astype(np.int64)
    return np.asarray((whole + numbers) >> UPDATE_RANDOM_BITS)


def update_codes(
    it: LayerState,
    gradients: torch.Tensor,
    unit: int,
    channels: int,
    rate: int | None,
    network: Network,
    generators: Generators,
) -> Moved:
    """`golden.spec.learning.switched` for the kept codes of the first `channels` channels.

    Parameters
    ----------
    gradients: integers (F, C, k, k) of unit 2^unit.  rate: `Rates.code`.
    """
    mask, gradient, counter_bits = it.mask.numpy().copy(), it.gradient, network.counter_bits
    mask[:, channels:] = False
    order = walk(mask, network.array)
    places, numbers = order.places, order.draw(generators[Generator.CODES])
    sums = gradients.numpy().reshape(-1)[places].astype(np.float64)
    bar = 1 << counter_bits - 1
    shift = counter_bits - 1 + (rate or 0) + unit - gradient
    # Twice the bar moves any code, wherever its counter stands.
    moves = _cut(np.ldexp(-sums, shift) if rate is not None else 0 * sums, 2 * bar, numbers)
    old = it.codes.numpy().reshape(-1)[places].astype(np.int64)
    total = it.counters.numpy().reshape(-1)[places] + moves
    goes, sign = np.abs(total) >= bar, np.sign(total)
    larger = np.where(np.abs(old) < 1 << EXPONENTS - 1, old * 2, old)
    smaller = np.sign(old) * (np.abs(old) >> 1)
    switched = np.where(old == 0, sign, np.where(sign == np.sign(old), larger, smaller))
    new_codes, new_counters = it.codes.clone(), it.counters.clone()
    new_codes.numpy().reshape(-1)[places] = np.where(goes, switched, old)
    new_counters.numpy().reshape(-1)[places] = np.where(goes, 0, total)
    total_sum = int(np.abs(sums).sum())
    level = moved_gradient(gradient, total_sum, unit, len(places))
    moved = int((goes & (switched != old)).sum())
    return Moved(new_codes, new_counters, level, moved, len(places), total_sum)


def update_parameters(
    values: torch.Tensor, gradients: np.ndarray, shift: int, rate: int, largest: int, generators: Generators
) -> torch.Tensor:
    """values − gradients · 2^shift · rate/256, without bias, saturated to ±largest; int16, shape of values.

    shift: unit of the gradients over the LSB of the values, as an exponent.
    """
    step = np.ldexp(-gradients * rate, shift - RATE_FRACTION)
    # Twice the largest is beyond the other end from anywhere.
    numbers = generators.scalars(values.numel(), UPDATE_RANDOM_BITS).reshape(values.shape)
    moved = values.numpy().astype(np.int64) + _cut(step, 2 * largest, numbers)
    return torch.from_numpy(np.clip(moved, -largest, largest).astype(np.int16))


_PARAMETER_LARGEST = (1 << PARAMETER_BITS - 1) - 1


def update_norm(
    values: torch.Tensor, gradients: np.ndarray, unit: int, rate: int, generators: Generators
) -> torch.Tensor:
    """gamma, beta or a bias, from gradients of unit 2^unit."""
    return update_parameters(
        values, gradients, unit + PARAMETER_FRACTION, rate, _PARAMETER_LARGEST, generators
    )


def update_head(
    weights: torch.Tensor, gradients: torch.Tensor, shift: int, rate: int, generators: Generators
) -> torch.Tensor:
    """The head's weights, from gradients (classes, features) of unit 2^shift of an int8 weight."""
    sums = gradients.numpy().astype(np.float64)
    return update_parameters(weights, sums, shift + HEAD_FRACTION, rate, HEAD_LARGEST, generators)
