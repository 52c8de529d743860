"""Softmax cross-entropy in integers: one table, one division a class; docs/learning.md, section 7."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from golden.spec.learning import EXP_BITS, EXP_FRACTION, LOG2_E, LOG2_E_FRACTION, PARAMETER_FRACTION

Int64 = npt.NDArray[np.int64]

_STEPS = 1 << EXP_FRACTION
EXP_TABLE: Int64 = np.rint(2.0 ** (EXP_BITS - np.arange(_STEPS) / _STEPS)).astype(np.int64)
"""2^(16 − i/256) to the nearest integer, i in 0…255."""
LOG_TABLE: Int64 = np.rint(_STEPS * np.log2(1 + np.arange(_STEPS + 1) / _STEPS)).astype(np.int64)
"""256·log2(1 + i/256) to the nearest integer, i in 0…256."""


def probability_bound(classes: int) -> float:
    """How far a probability is from float64's softmax of the same logits, at most.

    Exponents are off by 2^−9 at most, each exponential so by a share of 0.00136, a probability by
    p(1 − p) times twice that; the rest are the roundings to 2^−17 and the constant of log2(e).
    """
    return 0.00075 + (classes + 2) * 2.0**-17


LOSS_BOUND = 0.007
"""How far the loss of an image is from float64's, at most, in nats, where its logits are within 60."""


@dataclass(frozen=True)
class Softmax:
    """Of a batch.

    Parameters
    ----------
    probabilities: int64 (N, classes), unit 2^−16.
    losses: int64 (N,), unit 2^−8 bits.
    """

    probabilities: Int64
    losses: Int64

    def nats(self) -> float:
        """Mean cross-entropy in nats."""
        return float(self.losses.sum()) * math.log(2) / _STEPS / len(self.losses)


def _halved(values: Int64, shift: Int64 | int) -> Int64:
    """values / 2^shift to the nearest integer, ties up; values and shifts ≥ 0."""
    half = np.left_shift(np.int64(1), shift) >> 1
    return np.asarray((values + half) >> shift)


def softmax(logits: Int64, labels: Int64) -> Softmax:
    """Turns logits into probabilities, whose distance from the labels is the first error, and losses.

    Parameters
    ----------
    logits: int64 (N, classes), LSB 2^−10, |logit| < 2^31.  labels: int64 (N,), 0 … classes − 1.
    """
    distance = logits.max(1, keepdims=True) - logits
    steps = _halved(distance * LOG2_E, LOG2_E_FRACTION + PARAMETER_FRACTION - EXP_FRACTION)
    whole = np.minimum(steps >> EXP_FRACTION, EXP_BITS + 2)
    exponentials = _halved(EXP_TABLE[steps & (_STEPS - 1)], whole)
    total = exponentials.sum(1, keepdims=True)
    probabilities = ((exponentials << EXP_BITS) + (total >> 1)) // total
    # log2 of the total, at least 2^16: its leading one, and eight bits below to the nearest.
    place = np.frexp(total[:, 0].astype(np.float64))[1].astype(np.int64) - 1
    below = _halved(total[:, 0] - (np.int64(1) << place), place - EXP_FRACTION)
    log_total = ((place - EXP_BITS) << EXP_FRACTION) + LOG_TABLE[below]
    losses = steps[np.arange(len(labels)), labels] + log_total
    return Softmax(probabilities, losses)
