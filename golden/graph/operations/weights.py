"""Integer weights of a convolution: sparse powers of two times a basis, or plain int8."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from golden.graph.operations.integers import Problem, range_problems, shape_problems
from golden.spec import formats
from golden.spec.memories import Fold

Int64 = npt.NDArray[np.int64]

_COEFFICIENTS = [0] + [sign << p for p in range(formats.EXPONENTS) for sign in (1, -1)]


@dataclass(frozen=True)
class Factored:
    """Weights W = Ce·B in integers.

    Parameters
    ----------
    fold: GROUP or COLUMN.
    coefficients: entries 0 or ±2**p, p in 0…6.
        GROUP, shape (⌈M/S⌉, C, KH, KW, S): filter S·g + j of group g has weights
        W[c, r, q] = Σ_k coefficients[g, c, r, q, k] · basis[g, k, j]. S = 1 is "no basis".
        The columns of the last group beyond M are zero.
        COLUMN, shape (M, C, KH, 3), KW = 3: W[m, c, r, q] = Σ_k coefficients[m, c, r, k] ·
        basis[m, k, q].
    mask: bool, same shape; coefficients outside it are zero, inside it may be zero (training).
    basis: int8 values; GROUP (⌈M/S⌉, S, S), COLUMN (M, 3, 3).
    """

    fold: Fold
    coefficients: Int64
    mask: npt.NDArray[np.bool_]
    basis: Int64


@dataclass(frozen=True)
class Plain:
    """Plain int8 weights, run on the array as signed digits.

    Parameters
    ----------
    weights: int8 values, shape (M, C, KH, KW).
    scale: 1…127 for each filter, shape (M,): the only basis term of the filter, so that its
        output is scale · Σ w·x + bias.
    """

    weights: Int64
    scale: Int64


def rebuild(weights: Factored | Plain, filters: int) -> Int64:
    """The dense integer weights, shape (filters, C, KH, KW): Ce·B, or scale·w of a plain layer."""
    if isinstance(weights, Plain):
        return weights.weights.astype(np.int64) * weights.scale.astype(np.int64)[:, None, None, None]
    coefficients, basis = weights.coefficients.astype(np.int64), weights.basis.astype(np.int64)
    if weights.fold == Fold.COLUMN:
        return np.einsum("mcrk,mkq->mcrq", coefficients, basis)
    dense = np.einsum("gcrqk,gkj->gjcrq", coefficients, basis)
    return dense.reshape(-1, *dense.shape[2:])[:filters]


def weight_problems(
    weights: Factored | Plain, dense: tuple[int, int, int, int], together: int
) -> Iterator[Problem]:
    """What is wrong with the weights of a convolution of shape (M, C, KH, KW); shapes before values.

    `together`: filters that see the same channels.
    """
    if isinstance(weights, Plain):
        yield from shape_problems("weights", weights.weights, dense)
        yield from shape_problems("scale", weights.scale, dense[:1])
        yield from range_problems("weights", weights.weights, -128, 127)
        yield from range_problems("scale", weights.scale, 1, 127)
        return
    filters, _, _, width = dense
    if weights.fold == Fold.COLUMN:
        if width != formats.BASIS:
            yield f"COLUMN folding of kernel {dense[2:]}", f"a kernel width of {formats.BASIS}"
            return
        basis: tuple[int, ...] = (filters, formats.BASIS, formats.BASIS)
        expected: tuple[int, ...] = dense
    else:
        group = weights.coefficients.shape[-1]
        if group not in formats.GROUPS:
            yield f"groups of {group} filters", f"{formats.GROUPS}"
            return
        if filters != together and together % group:
            yield f"bases of {group} filters, {together} of which see the same channels", "one that divides"
            return
        groups = -(-filters // group)
        basis, expected = (groups, group, group), (groups, *dense[1:], group)
    shapes = [
        *shape_problems("coefficients", weights.coefficients, expected),
        *shape_problems("mask", weights.mask, expected),
        *shape_problems("basis", weights.basis, basis),
    ]
    yield from shapes
    yield from range_problems("basis", weights.basis, -128, 127)
    if not shapes:
        yield from _coefficient_problems(weights, filters)


def _coefficient_problems(weights: Factored, filters: int) -> Iterator[Problem]:
    legal = np.isin(weights.coefficients, _COEFFICIENTS)
    if not legal.all():
        value = weights.coefficients[~legal][0]
        yield f"coefficient {value}", f"0 or ±2**p, p in 0…{formats.EXPONENTS - 1}"
    if weights.coefficients[~weights.mask].any():
        yield "a coefficient outside the kept ones", "zero there"
    beyond = weights.mask.shape[0] * weights.mask.shape[-1] - filters
    if weights.fold == Fold.GROUP and beyond and weights.mask[-1, ..., -beyond:].any():
        yield "kept coefficients of filters beyond the last", "none there"
