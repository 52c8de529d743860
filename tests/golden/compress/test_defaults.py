"""The plan that nobody chose: what each layer of a network gets."""

from dataclasses import replace

import torch
from torch import nn

from golden.compress import CompressionPlan, LayerPlan, default_plan, import_module, no_basis_plan
from golden.spec.config import SMALL
from golden.workloads import DigitsNet, FashionNet


def _plan(*layers: nn.Module, image: tuple[int, int, int], density: float = 0.2) -> CompressionPlan:
    module = nn.Sequential(*layers).eval()
    return default_plan(import_module(module, torch.rand(2, *image)), density)


def test_networks_of_the_figures_keep_groups_of_three() -> None:
    for module, image in ((DigitsNet(), (1, 8, 8)), (FashionNet(), (1, 32, 32))):
        graph = import_module(module.eval(), torch.rand(2, *image))
        plan = default_plan(graph)
        for layer in graph.layers[1:-1]:
            assert plan.of(layer.path) in (LayerPlan("group", 3), LayerPlan("column", 3))
        assert plan.of(graph.layers[0].path) == LayerPlan("scale", density=1.0)


def test_a_configuration_without_bases_gets_none() -> None:
    graph = import_module(DigitsNet().eval(), torch.rand(2, 1, 8, 8))
    assert default_plan(graph, 0.3, replace(SMALL, bases=False)) == no_basis_plan(graph, 0.3)
    assert default_plan(graph, 0.3) != no_basis_plan(graph, 0.3)


def test_sixteen_filters_on_four_engines_are_groups_of_four() -> None:
    """At stride 2 COLUMN is not legal, and 6 groups of 3 leave two engines half idle."""
    conv = nn.Conv2d(32, 16, 3, 2, 1)
    plan = _plan(nn.Conv2d(1, 32, 3, padding=1), conv, nn.Conv2d(16, 4, 1), image=(1, 32, 32), density=0.5)
    assert plan.of("1") == LayerPlan("group", 4, 0.5)


def test_a_layer_that_the_basis_stage_holds_up_has_no_basis() -> None:
    """A pointwise layer of few channels: three products for each output, and hardly a weight."""
    plan = _plan(nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 48, 1), nn.Conv2d(48, 2, 1), image=(1, 32, 32))
    assert plan.of("1") == LayerPlan("scale", density=0.2)


def test_a_last_layer_with_much_of_the_work_is_no_exception() -> None:
    large = _plan(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 64), image=(64, 1, 1))
    assert large.of("1") == large.of("3") == LayerPlan("scale", density=0.2)
    small = _plan(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.Flatten(),
        nn.Linear(16 * 64, 64),
        nn.Linear(64, 64),
        image=(1, 8, 8),
    )
    assert small.of("3") == LayerPlan("scale", density=0.4)
