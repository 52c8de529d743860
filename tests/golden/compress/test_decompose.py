"""The decomposition against naive rounding and exhaustive search."""

import itertools

import pytest
import torch

from golden.compress.decompose import choose_mask, decompose, round_power
from golden.compress.fold import fold, unfold
from golden.compress.plan import LayerPlan
from golden.spec.errors import UnsupportedError

LEVELS = torch.tensor([0.0, *(sign * 2.0**p for p in range(7) for sign in (1, -1))])
PLANS = [
    LayerPlan(kind, group, density, pattern, shared)
    for kind, group in (("group", 3), ("group", 4), ("column", 3), ("scale", 3))
    for density in (0.2, 0.55)
    for pattern, shared in (("elements", 1), ("rows", 1), ("rows", 4))
]


def filters(seed: int, shape: tuple[int, ...] = (10, 6, 3, 3)) -> torch.Tensor:
    """Filters of very different norms."""
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(shape, generator=generator)
    return weight * torch.logspace(-2, 1, shape[0]).reshape(-1, 1, 1, 1)


def test_round_power_is_the_nearest_level() -> None:
    values = torch.linspace(-140, 140, 50_001)
    nearest = (values[:, None] - LEVELS).abs().amin(1)
    torch.testing.assert_close((round_power(values) - values).abs(), nearest)
    assert set(round_power(values).tolist()) == set(LEVELS.tolist())


@pytest.mark.parametrize("plan", PLANS, ids=str)
def test_fold_undoes_unfold(plan: LayerPlan) -> None:
    weight = filters(0)
    assert torch.equal(fold(unfold(weight, plan), plan, weight.shape), weight)


@pytest.mark.parametrize("plan", PLANS, ids=str)
def test_every_unit_keeps_its_exact_quota_of_powers_of_two(plan: LayerPlan) -> None:
    matrix = unfold(filters(1), plan)
    found = decompose(matrix, plan, 10)
    units, rows, size = matrix.shape
    # Ten filters leave the last group of 3 with one real column, the last group of 4 with two.
    columns = [size] * (units - 1) + [10 - (units - 1) * size if plan.kind == "group" else size]
    if plan.pattern == "elements":
        kept = [max(1, round(rows * count * plan.density)) for count in columns]
    else:
        kept = [count * max(1, round(rows * plan.density)) for count in columns]
    assert found.mask.sum(dim=(1, 2)).tolist() == kept
    assert not found.mask[-1, :, columns[-1] :].any()
    assert torch.isin(found.coefficients, LEVELS).all()
    assert not found.coefficients[~found.mask].any()


@pytest.mark.parametrize(("kind", "group", "together"), [("column", 3, 4), ("scale", 3, 4), ("group", 2, 2)])
def test_rows_are_masked_whole_and_shared(kind: str, group: int, together: int) -> None:
    plan = LayerPlan(kind, group, 0.3, "rows", 4)
    kept = decompose(unfold(filters(2), plan), plan, 10).mask
    assert torch.equal(kept[:-1].any(2), kept[:-1].all(2))
    for first in range(0, len(kept), together):
        block = kept[first : first + together]
        assert torch.equal(block.any(2), block[:1].any(2).expand(len(block), -1))


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("plan", PLANS, ids=str)
def test_error_is_below_naive_rounding(plan: LayerPlan, seed: int) -> None:
    """In float64, with the same mask: each weight to the nearest power of two of its filter's scale."""
    matrix = unfold(filters(seed), plan).double()
    found = decompose(matrix, plan, 10)
    scale = matrix.abs().amax(1, keepdim=True).clamp_min(1e-30) / 64
    naive = round_power(matrix / scale) * scale * found.mask
    norm = matrix.square().sum(1, keepdim=True).sqrt().clamp_min(1e-30)
    if plan.kind == "column":
        norm = matrix.square().sum(dim=(1, 2), keepdim=True).sqrt()
    got = (matrix - found.coefficients @ found.basis) / norm
    assert got.square().sum() <= ((matrix - naive) / norm).square().sum() * (1 + 1e-9)


def test_weights_that_are_a_product_are_found_again() -> None:
    """Without noise and with all coefficients kept, W = Ce·B is reached almost exactly."""
    generator = torch.Generator().manual_seed(3)
    plan = LayerPlan("scale", density=1.0)
    powers = LEVELS[1:][torch.randint(0, 14, (5, 40, 1), generator=generator)]
    matrix = powers * (torch.rand(5, 1, 1, generator=generator) + 0.1)
    assert decompose(matrix.double(), plan, 5).error < 1e-6


def test_density_one_without_basis_is_the_best_of_all_scales() -> None:
    """One filter of few weights against a fine search over scales."""
    matrix = filters(4, (1, 6, 1, 1)).reshape(1, 6, 1).double()
    found = decompose(matrix, LayerPlan("scale", density=1.0), 1)
    scales = torch.logspace(-3, 0, 3000, dtype=torch.float64) * matrix.abs().max()
    best = min(float((round_power(matrix / s) * s - matrix).norm()) for s in scales)
    assert found.error * matrix.norm() <= best * 1.2


def test_choose_mask_takes_the_largest() -> None:
    score = torch.rand(4, 5, 3, generator=torch.Generator().manual_seed(5))
    kept = choose_mask(score, LayerPlan(), 0.4, 12)
    for unit in range(4):
        assert score[unit][kept[unit]].min() > score[unit][~kept[unit]].max()


def test_zero_and_tiny_weights() -> None:
    for value in (0.0, 1e-30):
        found = decompose(torch.full((2, 9, 3), value), LayerPlan(), 6)
        assert torch.isfinite(found.basis).all()
        assert torch.isfinite(found.coefficients).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kind": "row"}, "kind = 'row'; legal: ('group', 'column', 'scale', 'plain')"),
        ({"density": 0}, "density = 0; legal: above 0, up to 1"),
        ({"density": 1.5}, "density = 1.5"),
        ({"shared": 3}, "shared = 3; legal: (1, 2, 4, 8)"),
        ({"group": 1}, "group = 1; legal: (2, 3, 4)"),
        ({"pattern": "x"}, "pattern = 'x'; legal: ('elements', 'rows')"),
    ],
)
def test_wrong_plans(options: dict[str, object], words: str) -> None:
    with pytest.raises(UnsupportedError) as error:
        LayerPlan(**options)  # type: ignore[arg-type]
    assert words in str(error.value)


def test_basis_helps_where_columns_are_correlated() -> None:
    """The reason for a basis: filters of a group that look alike (docs: see the tables of the README)."""
    generator = torch.Generator().manual_seed(6)
    shared = torch.randn(8, 60, 1, generator=generator)
    matrix = 0.9 * shared + 0.44 * torch.randn(8, 60, 3, generator=generator)
    alone = matrix.transpose(1, 2).reshape(24, 60, 1)
    for density in (0.2, 0.4):
        with_basis = decompose(matrix, LayerPlan("group", density=density), 24).error
        without = decompose(alone, LayerPlan("scale", density=density), 24).error
        assert with_basis < without, list(itertools.chain([density, with_basis, without]))
