"""Weights as matrices: how a layer's weights become units of rows × S, and back.

A *unit* is what shares one basis: a group of S filters, one filter's kernel columns, or one
filter. Coefficients, masks and shadow values of a layer are tensors (units, rows, S); the basis is
(units, S, S). Docs: docs/machine.md, section 3; `golden.graph.operations.weights.Factored`.
"""

import torch

from golden.compress.plan import LayerPlan


def unfold(weight: torch.Tensor, plan: LayerPlan) -> torch.Tensor:
    """(M, C, KH, KW) → (units, rows, S); the columns of a last group beyond M are zero."""
    filters, kernel_width = weight.shape[0], weight.shape[3]
    if plan.kind == "column":
        return weight.reshape(filters, -1, kernel_width)
    size = plan.size
    units = -(-filters // size)
    padded = torch.zeros(units * size, weight[0].numel(), dtype=weight.dtype)
    padded[:filters] = weight.reshape(filters, -1)
    return padded.reshape(units, size, -1).transpose(1, 2).contiguous()


def real_columns(units: int, plan: LayerPlan, filters: int) -> torch.Tensor:
    """Which columns of each unit stand for filters, bool (units, S): all but those of the last group
    beyond the last filter."""
    if plan.kind == "column":
        return torch.ones(units, plan.size, dtype=torch.bool)
    return (torch.arange(units * plan.size) < filters).reshape(units, plan.size)


def fold(matrix: torch.Tensor, plan: LayerPlan, shape: torch.Size) -> torch.Tensor:
    """(units, rows, S) → (M, C, KH, KW) = `shape`; the inverse of `unfold`. Differentiable."""
    if plan.kind == "column":
        return matrix.reshape(shape)
    return matrix.transpose(1, 2).reshape(-1, matrix.shape[1])[: shape[0]].reshape(shape)


def coefficient_array(matrix: torch.Tensor, plan: LayerPlan, shape: torch.Size) -> torch.Tensor:
    """(units, rows, S) as `golden.graph.operations.weights.Factored` wants coefficients and masks."""
    _, channels, height, width = shape
    if plan.kind == "column":
        return matrix.reshape(len(matrix), channels, height, plan.size)
    return matrix.reshape(len(matrix), channels, height, width, plan.size)


def per_filter(values: torch.Tensor, plan: LayerPlan) -> torch.Tensor:
    """One value per filter (M,) → factors of the basis, broadcast to (units, 1 or S, S).

    A filter is a column of its group's basis, or owns a whole basis ("column").
    """
    if plan.kind == "column":
        return values.reshape(-1, 1, 1)
    size = plan.size
    units = -(-len(values) // size)
    padded = torch.ones(units * size, dtype=values.dtype)
    padded[: len(values)] = values
    return padded.reshape(units, 1, size)
