"""Compression within a budget: which densities, by what compiled networks cost or trained ones lose."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch import nn

from golden.compiler import compile_network
from golden.compiler.folding import fold_cycles
from golden.compress.budget import BITS, POINTS, Budget, cost_of
from golden.compress.calibrate import calibrate
from golden.compress.choices import Choice, Choices
from golden.compress.compare import compare
from golden.compress.defaults import conv_shapes, folding_of
from golden.compress.integer import to_network
from golden.compress.plan import CompressionPlan
from golden.compress.quantized import QuantizedNet
from golden.compress.result import Compressed
from golden.compress.sensitivity import DENSITIES, sensitivity
from golden.compress.trial import SAMPLES
from golden.frontend.modules import FirstResult, evaluation
from golden.frontend.sequences import as_maps
from golden.graph.floats import FloatGraph
from golden.progress import Progress
from golden.spec.config import Config
from golden.spec.errors import CapacityError, UnsupportedError
from golden.spec.program import Program
from golden.workloads.data import Dataset
from golden.workloads.loop import Labelled

MEASURED = 64
"""Images that the sensitivity is measured on."""

HELD = 5
"""Every so-manieth labelled image is not trained with: points are measured on those."""

FIRST = 0.2
"""Density that is tried first for points."""

_ROUNDS = 8
"""Networks that are compiled in search of the densest that keeps the budget."""


Make = Callable[[CompressionPlan, Labelled | None, str], Compressed]
"""Compresses the network with a plan, trained with some images or none; attempts differ by the last."""


def compress_within(
    budget: Budget,
    module: nn.Module,
    graph: FloatGraph,
    sample_images: torch.Tensor,
    train_data: Labelled | None,
    base: CompressionPlan,
    config: Config,
    progress: Progress,
    made: Make,
) -> Compressed:
    """The network with densities that keep the budget, see `golden.compress.compress`.

    Parameters
    ----------
    module, graph: the network.
    base: its layers' densities are chosen anew, but for those that it keeps whole (density 1, or plain).

    Raises UnsupportedError where no densities keep the budget, with what comes nearest.
    """
    choices = _all_choices(budget, graph, base, as_maps(sample_images), config, progress)
    if budget.kind != POINTS:
        plan = _planned(budget, graph, as_maps(sample_images), choices, base, config)
        return _told(budget, made(plan, train_data, ""), config)
    return _lost_at_most(budget, module, sample_images, train_data, choices, base, made)


def _told(budget: Budget, made: Compressed, config: Config) -> Compressed:
    """With a warning where training moved coefficients so that the budget does not hold any more."""
    found = cost_of(budget.kind, compile_network(made.network, config))
    if found <= budget.most:
        return made
    text = f"{budget}: as trained it has {_number(found)}; a budget that much lower would hold"
    return replace(made, warnings=(*made.warnings, text))


def _all_choices(
    budget: Budget,
    graph: FloatGraph,
    base: CompressionPlan,
    images: torch.Tensor,
    config: Config,
    progress: Progress,
) -> Choices:
    """What can be chosen."""
    found = sensitivity(graph, images[:MEASURED], base, progress=progress)
    if not found:
        raise UnsupportedError(f"budget: {budget}: no layer has coefficients that could be left out")
    shapes = conv_shapes(graph, config)
    weights = {it.path: graph.weights(it) for it in graph.layers}

    def cost(path: str, density: float) -> float:
        if budget.kind == BITS or path not in shapes:
            return density * weights[path]
        return fold_cycles(shapes[path], folding_of(base.of(path)), density, config)

    return Choices(found, cost)


def _with(base: CompressionPlan, densities: Mapping[str, float]) -> CompressionPlan:
    """The plan with other densities."""
    layers = {path: replace(base.of(path), density=it) for path, it in densities.items()}
    return CompressionPlan({**base.layers, **layers}, base.default)


def _planned(
    budget: Budget,
    graph: FloatGraph,
    images: torch.Tensor,
    choices: Choices,
    base: CompressionPlan,
    config: Config,
) -> CompressionPlan:
    """The plan whose compiled network, not trained, keeps a budget of cycles or bits.

    Estimated costs order the choices; what a compiled network costs decides.
    """
    net = QuantizedNet(graph, base)

    def real(choice: Choice) -> float:
        return cost_of(budget.kind, _trial(net, choice.densities, images, config))

    best = choices.within(0.0)
    found = real(best)
    if found > budget.most:
        raise UnsupportedError(
            f"budget: {budget}: the sparsest choice has {_number(found)}; supported: at least so many, "
            "or a smaller network"
        )
    low, high = best.cost, choices.uniform(1.0)
    for _ in range(_ROUNDS):
        choice = choices.within((low * high) ** 0.5)
        try:
            fits = choice.cost <= best.cost or real(choice) <= budget.most
        except CapacityError:
            fits = False
        if fits:
            low = (low * high) ** 0.5
            best = max(best, choice, key=lambda it: it.cost)
        else:
            high = (low * high) ** 0.5
    return _with(base, best.densities)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def _trial(
    net: QuantizedNet, densities: Mapping[str, float], images: torch.Tensor, config: Config
) -> Program:
    """The network compiled as it is with these densities, not trained."""
    trial = copy.deepcopy(net)
    for stage in trial.stages:
        stage.prune(densities.get(stage.layer.path, stage.plan.density))
    calibrate(trial, images[:SAMPLES])
    return compile_network(to_network(trial), config)


def _lost_at_most(
    budget: Budget,
    module: nn.Module,
    samples: torch.Tensor,
    data: Labelled | None,
    choices: Choices,
    base: CompressionPlan,
    made: Make,
) -> Compressed:
    """The sparsest of the choices that loses at most so many points."""
    held: Dataset | None = None
    if data is not None:
        chosen = torch.arange(len(data.labels)) % HELD == HELD - 1
        held = Dataset("held out", data.images[chosen], data.labels[chosen])
        data = Dataset("trained with", data.images[~chosen], data.labels[~chosen])
    tried: dict[int, Compressed] = {}

    def lost(number: int) -> float:
        choice = choices.within(choices.uniform(DENSITIES[number]))
        result = made(_with(base, choice.densities), data, str(number))
        if held is not None:
            with evaluation(module):
                teacher = FirstResult(module, samples.shape[1:])
                result = replace(
                    result, comparison=compare(result.network, teacher, held.images, held.labels)
                )
        tried[number] = result
        return 100 * result.comparison.lost

    low, high = -1, len(DENSITIES) - 1
    middle = DENSITIES.index(FIRST)
    while high - low > 1:
        if lost(middle) <= budget.most:
            high = middle
        else:
            low = middle
        middle = (low + high) // 2
    if high not in tried and lost(high) > budget.most:
        raise UnsupportedError(
            f"budget: {budget}: with all coefficients kept it loses {100 * tried[high].comparison.lost:.2f}; "
            "supported: more, or more epochs and images"
        )
    return tried[high]
