"""W ≈ Ce·B: sparse power-of-two coefficients times a small basis, for all units of a layer at once.

Source of the idea: SmartExchange (ISCA 2020, arXiv 2005.03403) and SmartDeal (arXiv 2101.01163):
alternate between the two factors, round to powers of two, prune, refit. The updates here are exact
minimisers, one coefficient column at a time, so that the error never grows.
"""

from dataclasses import dataclass

import torch

from golden.compress.fold import real_columns
from golden.compress.plan import LayerPlan
from golden.spec.formats import EXPONENTS

LARGEST = 2 ** (EXPONENTS - 1)


@dataclass(frozen=True)
class Decomposition:
    """W ≈ coefficients · basis.

    Parameters
    ----------
    coefficients: float (units, rows, S), entries 0 or ±2**p, p in 0…6.
    mask: bool, same shape; coefficients are zero outside it.
    basis: float (units, S, S).
    error: ‖W − coefficients·basis‖ / ‖W‖ in the Frobenius norm, of the whole layer.
    """

    coefficients: torch.Tensor
    mask: torch.Tensor
    basis: torch.Tensor
    error: float


def round_power(values: torch.Tensor) -> torch.Tensor:
    """The nearest of 0 and ±2**p, p in 0…6; the larger one of two equally near."""
    # |v|·⅔ = m·2^e with ½ ≤ m < 1, so 1½·2^(e−1) ≤ |v| < 1½·2^e: nearest is 2^e.
    exponent = torch.frexp(values.abs() * (2.0 / 3.0))[1].clamp(0, EXPONENTS - 1)
    power = torch.ldexp(torch.sign(values), exponent)
    return torch.where(values.abs() < 0.5, torch.zeros_like(values), power)


def quota(rows: int, size: int, density: float) -> int:
    """Coefficients that a unit keeps: the nearest whole number, at least 1."""
    return max(1, round(rows * size * density))


def choose_mask(score: torch.Tensor, plan: LayerPlan, density: float, filters: int) -> torch.Tensor:
    """The mask of the coefficients with the largest scores, the first of equal ones.

    Every unit keeps equally many: `quota` elements, or for rows the nearest whole number of
    rows, at least 1; so engines that work on different units stay in balance. Columns of the last
    group beyond the last filter are no coefficients: they are never kept and count nowhere.

    Parameters
    ----------
    score: (units, rows, S), at least 0.
    filters: M, filters of the layer.
    """
    units, rows, size = score.shape
    real = real_columns(units, plan, filters)
    if plan.pattern == "elements":
        flat = torch.where(real[:, None], score, -torch.ones_like(score)).reshape(units, -1)
        wanted = torch.tensor([quota(rows, int(count), density) for count in real.sum(1)])
        return _largest(flat, wanted).reshape(score.shape)
    together = max(1, plan.shared // (size if plan.kind == "group" else 1))
    blocks = -(-units // together)
    padded = torch.zeros(blocks * together, rows, dtype=score.dtype)
    padded[:units] = (score.square() * real[:, None]).sum(2)
    by_row = padded.reshape(blocks, together, rows).sum(1)
    mask = _largest(by_row, torch.full((blocks,), quota(rows, 1, density)))
    return mask.repeat_interleave(together, 0)[:units, :, None] & real[:, None]


def _largest(score: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """The mask of the `wanted` (N,) largest scores of each row of (N, K)."""
    order = score.argsort(dim=1, descending=True, stable=True)
    ranks = torch.empty_like(order).scatter_(1, order, torch.arange(score.shape[1]).expand_as(order))
    return ranks < wanted[:, None]


def decompose(
    weight: torch.Tensor,
    plan: LayerPlan,
    filters: int,
    density: float | None = None,
    iterations: int = 12,
) -> Decomposition:
    """Fit coefficients and basis to unfolded weights.

    Parameters
    ----------
    weight: (units, rows, S), float; see `golden.compress.fold.unfold`.
    filters: M, filters of the layer.
    density: fraction kept; the plan's if None.
    iterations: of the two alternating loops, before and after pruning.

    The error never exceeds that of rounding each weight to a power of two with the same mask and
    a scale per column. Filters count alike, whatever their norm: batch norm will undo it.
    """
    density = plan.density if density is None else density
    norm = _norms(weight, plan)
    target = weight.double() / norm
    size = weight.shape[2]
    basis = torch.eye(size, dtype=torch.float64).repeat(len(weight), 1, 1)
    mask = torch.ones_like(target, dtype=torch.bool)
    coefficients = target.clone()
    coefficients, basis = _rescale(target, coefficients, basis, mask)
    for _ in range(iterations if size > 1 else 1):
        coefficients = _descend(target, coefficients, basis, mask)
        basis = _fit_basis(target, coefficients, basis)
    exact = solve_coefficients(target, basis)
    importance = exact.abs() * basis.norm(dim=2)[:, None]
    mask = choose_mask(importance, plan, density, filters)
    coefficients, basis = _rescale(target, exact * mask, basis, mask)
    for _ in range(iterations):
        coefficients = _descend(target, coefficients, basis, mask)
        basis = _fit_basis(target, coefficients, basis)
    identity = torch.eye(size, dtype=torch.float64).repeat(len(weight), 1, 1)
    plain = _rescale(target, target * mask, identity, mask)
    coefficients, basis = _better(target, (coefficients, basis), plain)
    # A group of fewer filters has as many rows and columns of the basis.
    real = real_columns(len(weight), plan, filters)
    basis = basis * norm * real[:, :, None] * real[:, None]
    error = (weight - coefficients @ basis).norm() / weight.norm().clamp_min(1e-30)
    return Decomposition(coefficients.to(weight.dtype), mask, basis.to(weight.dtype), float(error))


def solve_coefficients(target: torch.Tensor, basis: torch.Tensor) -> torch.Tensor:
    """The real coefficients (units, rows, S) that fit best for a given basis."""
    gram = basis @ basis.transpose(1, 2)
    return torch.linalg.solve(_ridge(gram), basis @ target.transpose(1, 2)).transpose(1, 2)


def _norms(weight: torch.Tensor, plan: LayerPlan) -> torch.Tensor:
    """Root mean square of each filter, (units, 1, S) or (units, 1, 1); 1 where a filter is zero."""
    dims = (1, 2) if plan.kind == "column" else (1,)
    norm = weight.double().square().mean(dim=dims, keepdim=True).sqrt()
    return torch.where(norm > 0, norm, torch.ones_like(norm))


def _ridge(gram: torch.Tensor) -> torch.Tensor:
    """Keeps a normal matrix invertible where a column vanished."""
    trace = gram.diagonal(dim1=1, dim2=2).sum(1).clamp_min(1e-12)
    return gram + 1e-9 * trace[:, None, None] * torch.eye(gram.shape[1], dtype=gram.dtype)


def _fit_basis(target: torch.Tensor, coefficients: torch.Tensor, basis: torch.Tensor) -> torch.Tensor:
    """The basis of least squared error for given coefficients."""
    columns = coefficients.transpose(1, 2)
    found = torch.linalg.solve(_ridge(columns @ coefficients), columns @ target)
    return torch.where(coefficients.abs().sum(dim=(1, 2), keepdim=True) > 0, found, basis)


def _descend(
    target: torch.Tensor, coefficients: torch.Tensor, basis: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Each column of coefficients in turn gets its best powers of two, the others fixed."""
    result = coefficients.clone()
    for k in range(basis.shape[1]):
        row = basis[:, k]
        rest = target - result @ basis + result[:, :, k, None] * row[:, None]
        square = row.square().sum(1).clamp_min(1e-30)
        best = (rest @ row[:, :, None])[:, :, 0] / square[:, None]
        result[:, :, k] = round_power(best) * mask[:, :, k]
    return result


def _rescale(
    target: torch.Tensor, coefficients: torch.Tensor, basis: torch.Tensor, mask: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Real coefficients become powers of two; the scale of each column, put into the basis, is the
    best of those that map its largest coefficient near the largest power."""
    largest = coefficients.abs().amax(1).clamp_min(1e-30)
    best_error = torch.full(largest.shape, float("inf"), dtype=target.dtype)
    best = torch.ones_like(largest)
    for step in range(12):
        scale = largest / LARGEST * 2.0 ** (step / 8 - 0.75)
        rounded = round_power(coefficients / scale[:, None]) * scale[:, None]
        error = (rounded - coefficients).square().sum(1)
        best = torch.where(error < best_error, scale, best)
        best_error = torch.minimum(error, best_error)
    return round_power(coefficients / best[:, None]) * mask, basis * best[:, :, None]


def _better(
    target: torch.Tensor, first: tuple[torch.Tensor, torch.Tensor], second: tuple[torch.Tensor, torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Unit by unit the factorisation with the smaller error."""
    errors = [(target - c @ b).square().sum(dim=(1, 2)) for c, b in (first, second)]
    wins = (errors[0] <= errors[1])[:, None, None]
    return torch.where(wins, first[0], second[0]), torch.where(wins, first[1], second[1])
