"""Seeded random weights of all kinds that the machine can hold."""

import numpy as np

from golden.graph.operations.weights import Factored, Plain
from golden.spec.memories import Fold

KINDS = ("plain", "scale", "group2", "group", "group4", "column")
"""Kinds of weights: `Plain`, GROUP of 1, 2, 3, 4 filters, COLUMN."""

_GROUPS = {"scale": 1, "group2": 2, "group": 3, "group4": 4}


def random_weights(
    rng: np.random.Generator,
    kind: str,
    shape: tuple[int, int, int, int],
    density: float,
    largest_sum: int,
) -> Factored | Plain:
    """Weights of shape (M, C, KH, KW); |coefficients| of a partial sum add up to ≤ `largest_sum`."""
    filters, channels, height, width = shape
    fan = channels * height * width
    if kind == "plain":
        # A weight of n bits has signed digits that add up to less than twice its size.
        limit = max(1, min(127, largest_sum // (2 * fan)))
        values = rng.integers(-limit, limit + 1, shape) * (rng.random(shape) < 0.9)
        if limit == 127:
            values[rng.random(shape) < 0.05] = -128
        return Plain(values.astype(np.int64), rng.integers(1, 128, filters))
    if kind == "column":
        size: tuple[int, ...] = (filters, channels, height, 3)
        basis = rng.integers(-128, 128, (filters, 3, 3))
    else:
        group = _GROUPS[kind]
        groups = -(-filters // group)
        size = (groups, channels, height, width, group)
        basis = rng.integers(-128, 128, (groups, group, group))
    exponent = min(7, max(1, (largest_sum // fan).bit_length()))
    kept = rng.random(size) < density
    if kind != "column" and filters % _GROUPS[kind]:
        kept[-1, ..., filters % _GROUPS[kind] :] = False
    values = np.where(rng.random(size) < 0.5, 1, -1) << rng.integers(0, exponent, size)
    # A few kept zeros, as training leaves them.
    values = values * kept * (rng.random(size) < 0.95)
    fold = Fold.COLUMN if kind == "column" else Fold.GROUP
    return Factored(fold, values.astype(np.int64), kept, basis)


def rough_size(weights: Factored | Plain, filters: int) -> np.ndarray:
    """Rough size of the dense weights, for the choice of shifts only."""
    if isinstance(weights, Plain):
        return weights.weights * weights.scale[:, None, None, None]
    if weights.fold == Fold.COLUMN:
        return np.einsum("mcrk,mkq->mcrq", weights.coefficients, weights.basis)
    dense = np.einsum("gcrqk,gkj->gjcrq", weights.coefficients, weights.basis)
    return dense.reshape(-1, *dense.shape[2:])[:filters]
