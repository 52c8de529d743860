"""What compression keeps: the density that was asked, of real weights only, in networks that compile."""

import numpy as np
import pytest
import torch
from torch import nn

from golden.compiler import compile_network
from golden.compress import CompressionPlan, LayerPlan, Schedule, compress
from golden.graph.operations.weights import Factored, rebuild
from golden.spec.config import DEFAULT
from golden.spec.memories import Fold
from golden.workloads.data import Dataset
from tests.golden.compress.agreement import same

IMAGES = torch.randn(12, 2, 8, 8, generator=torch.Generator().manual_seed(1))
KINDS = [("scale", 3), ("group", 2), ("group", 3), ("group", 4), ("column", 3)]
ZEROS = [("elements", 1), ("rows", 1), ("rows", 2), ("rows", 4), ("rows", 8)]


def quota(rows: int, columns: int, density: float) -> int:
    """The nearest whole number of coefficients, at least one."""
    return max(1, round(rows * columns * density))


def wanted(plan: LayerPlan, shape: tuple[int, ...]) -> int:
    """Coefficients that a layer must keep, counted unit by unit."""
    filters, weights = shape[0], int(np.prod(shape[1:]))
    if plan.kind == "column":
        units = [3] * filters
        rows = weights // 3
    else:
        size = plan.group if plan.kind == "group" else 1
        units = [min(size, filters - first) for first in range(0, filters, size)]
        rows = weights
    if plan.pattern == "elements":
        return sum(quota(rows, columns, plan.density) for columns in units)
    return sum(columns * quota(rows, 1, plan.density) for columns in units)


@pytest.mark.parametrize("seed", range(25))
def test_any_filters_density_and_pattern_compiles_and_keeps_what_was_asked(seed: int) -> None:
    rng = np.random.default_rng(seed)
    kind, group = KINDS[seed % len(KINDS)]
    pattern, shared = ZEROS[int(rng.integers(len(ZEROS)))]
    density = float(rng.choice([1e-9, 0.01, rng.uniform(0.02, 0.98), 0.34, 0.5, 0.99, 1.0]))
    plan = LayerPlan(kind, group, density, pattern, shared)
    first, second = (int(value) for value in rng.integers(1, 18, 2))
    torch.manual_seed(seed)
    a, b = nn.Conv2d(2, first, 3, padding=1), nn.Conv2d(first, second, 3, padding=1)
    with torch.no_grad():
        for layer in (a, b):
            # Pruned before: single weights, or whole filters.
            if rng.random() < 0.5:
                layer.weight *= torch.from_numpy(rng.random(tuple(layer.weight.shape)) < 0.15)
            if rng.random() < 0.4:
                layer.weight[int(rng.integers(len(layer.weight)))] = 0
            if rng.random() < 0.1:
                layer.weight.zero_()
    module = nn.Sequential(
        a, nn.ReLU(), b, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(second, 4)
    )
    made = compress(module, IMAGES, CompressionPlan({"6": LayerPlan("plain")}, plan), tolerance=1.0)
    compile_network(made.network, DEFAULT)
    same(made.module, made.network, IMAGES)
    for made_layer, report, part in zip(made.network.layers, made.layers, (a, b), strict=False):
        weights = made_layer.convolution.weights
        assert isinstance(weights, Factored)
        assert int(weights.mask.sum()) == report.kept == wanted(plan, tuple(part.weight.shape))
        check_last_group(weights, made_layer.product.filters)


def check_last_group(weights: Factored, filters: int) -> None:
    """Nothing of filters beyond the last: no mask, no coefficient, no row and no column of the basis."""
    if weights.fold == Fold.GROUP and (beyond := -filters % weights.mask.shape[-1]):
        assert not weights.mask[-1, ..., -beyond:].any()
        assert not weights.coefficients[-1, ..., -beyond:].any()
        assert not weights.basis[-1, -beyond:].any()
        assert not weights.basis[-1, :, -beyond:].any()


@pytest.mark.parametrize("kind", ["scale", "group", "column"])
@pytest.mark.parametrize("pattern", ["elements", "rows"])
def test_the_smallest_density_keeps_one_coefficient_or_row_of_a_unit(kind: str, pattern: str) -> None:
    """Below one coefficient a unit keeps its most important one: no filter becomes a constant unasked."""
    torch.manual_seed(3)
    module = nn.Sequential(
        nn.Conv2d(2, 7, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(7, 4)
    )
    plan = LayerPlan(kind, density=1e-12, pattern=pattern)
    made = compress(module, IMAGES, CompressionPlan({"0": plan}, LayerPlan("plain")), tolerance=1.0)
    layer = made.network.layers[0]
    assert isinstance(layer.convolution.weights, Factored)
    each = layer.convolution.weights.mask.reshape(len(layer.convolution.weights.mask), -1).sum(1)
    size = layer.convolution.weights.mask.shape[-1]
    last = 1 if kind == "group" and pattern == "rows" else each[0]
    assert each.tolist() == [1 if pattern == "elements" else size] * (len(each) - 1) + [last]
    assert rebuild(layer.convolution.weights, 7).reshape(7, -1).any(axis=1).sum() >= len(each)
    compile_network(made.network, DEFAULT)


def small() -> nn.Module:
    """Two convolutions with batch norm; the second one is neither the first nor the last layer."""
    return nn.Sequential(
        nn.Conv2d(1, 9, 3, padding=1),
        nn.BatchNorm2d(9),
        nn.ReLU(),
        nn.Conv2d(9, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 10),
    ).eval()


def digits(count: int) -> Dataset:
    """Random labelled images."""
    generator = torch.Generator().manual_seed(count)
    labels = torch.randint(0, 10, (count,), generator=generator)
    return Dataset("random", torch.rand(count, 1, 8, 8, generator=generator), labels)


@pytest.mark.parametrize(
    ("images", "epochs", "prune"),
    [(64, 1, 0.5), (33, 1, 1.0), (64, 2, 0.5), (64, 3, 1.0), (130, 1, 0.0), (65, 1, 0.5), (20, 41, 1.0)],
)
def test_density_is_reached_whatever_the_number_of_steps(images: int, epochs: int, prune: float) -> None:
    torch.manual_seed(4)
    module, data = small(), digits(images)
    schedule = Schedule(prune=prune, average=max(prune, 0.8))
    made = compress(module, data.images, None, data, epochs, schedule=schedule, tolerance=1.0)
    at_once = compress(module, data.images, tolerance=1.0)
    assert [layer.kept for layer in made.layers] == [layer.kept for layer in at_once.layers]
    # Folded by columns: of the 81 coefficients of each of 8 filters a fifth.
    assert made.layers[1].kept == 8 * 16
    same(made.module, made.network, data.images)


def test_few_steps_of_training_are_no_worse_than_none() -> None:
    """One step begins where compression without training ends, it does not begin anew."""
    torch.manual_seed(5)
    module, data = small(), digits(64)
    plan = CompressionPlan({}, LayerPlan("group", density=0.3))
    errors = []
    for epochs in (0, 1):
        made = compress(module, data.images, plan, data, epochs, tolerance=1.0, schedule=Schedule(rate=1e-9))
        with torch.no_grad():
            errors.append(float((made.module(data.images) - module(data.images)).square().mean()))
    assert errors[1] < 2 * errors[0], errors
