"""Densities from a budget: what a network may cost at most, instead of what each layer keeps.

Each layer's density follows from its measured sensitivity: of all choices with the same cost the one that
changes the output least, taking the layers' changes as independent. Costs are those of the compiled network,
not of an estimate.
"""

import copy
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from golden.compiler import compile_network
from golden.compiler.folding import fold_cycles
from golden.compress.api import TOLERANCE, Compressed, compress
from golden.compress.calibrate import calibrate
from golden.compress.compare import compare
from golden.compress.defaults import conv_shapes, default_plan, folding_of
from golden.compress.integer import to_network
from golden.compress.plan import CompressionPlan
from golden.compress.quantized import QuantizedNet
from golden.compress.sensitivity import DENSITIES, Sensitivity, sensitivity
from golden.compress.trial import SAMPLES
from golden.cycles.timing import count_cycles
from golden.frontend.importer import import_module
from golden.frontend.modules import FirstResult, evaluation
from golden.frontend.networks import module_of
from golden.frontend.sequences import as_maps
from golden.graph.floats import FloatGraph
from golden.progress import Progress, silent
from golden.spec.config import SMALL, Config
from golden.spec.errors import CapacityError, UnsupportedError
from golden.spec.program import Program
from golden.workloads.data import Dataset
from golden.workloads.loop import Labelled

CYCLES, BITS, POINTS = "cycles", "bits", "points"
KINDS = (CYCLES, BITS, POINTS)

MEASURED = 64
"""Images that the sensitivity is measured on."""

HELD = 5
"""Every so-manieth labelled image is not trained with: points are measured on those."""

FIRST = 0.2
"""Density that is tried first for points."""

FINER = 6
"""Densities that are chosen from, for each step between two that were tried."""

_ROUNDS = 8
"""Networks that are compiled in search of the densest that keeps the budget."""

_HALVINGS = 40
"""Of the price of a cycle, or of a bit, until the choice does not change any more."""


_UNITS = {"": 1, "k": 1_000, "M": 1_000_000}
_WRITTEN = re.compile(r"\s*([0-9.]+)\s*([kM]?)\s*(cycle|bit|point)s?\s*")


@dataclass(frozen=True)
class Budget:
    """What a compressed network may cost.

    Parameters
    ----------
    most: so many of them, above 0.
    kind: CYCLES of an image, zero rows not skipped; BITS of the program's memories for each weight; POINTS:
        percent of the images (of accuracy where there are labels, else of agreement with the float network)
        that are lost.

    Raises UnsupportedError for another kind or number.
    """

    most: float
    kind: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS or not 0 < self.most < float("inf"):
            raise UnsupportedError(
                f"budget: {self.most:g} {self.kind}; supported: a number above 0 of {', '.join(KINDS)}"
            )

    @staticmethod
    def parse(text: str) -> "Budget":
        """As a person writes it, see the error's text. Raises UnsupportedError for anything else."""
        if found := _WRITTEN.fullmatch(text):
            number, unit, kind = found.groups()
            with suppress(ValueError):
                return Budget(float(number) * _UNITS[unit], f"{kind}s")
        raise UnsupportedError(
            f"budget {text[:40]!r}; supported: such as '500k cycles', '1.8 bits', '1 point'"
        )

    def __str__(self) -> str:
        return f"at most {self.most:,g} {self.kind}"


@dataclass(frozen=True)
class _Choice:
    """Densities with what they cost as an estimate, and what they change as a sum of single changes."""

    densities: Mapping[str, float]
    cost: float


class _Choices:
    """All choices that are best for what they cost, from the cheapest to the dearest."""

    def __init__(self, found: Mapping[str, Sensitivity], cost: Callable[[str, float], float]) -> None:
        self._found = {path: it.finer(FINER) for path, it in found.items()}
        self._cost = cost
        self._costs = {path: [cost(path, it) for it in of.densities] for path, of in self._found.items()}

    def at(self, price: float) -> _Choice:
        """The choice that makes change + price · cost least."""
        densities, total = {}, 0.0
        for path, of in self._found.items():
            costs = self._costs[path]
            # Of equally good ones the densest: a layer that waits for its fetch keeps more for nothing.
            best = min(
                range(len(costs)),
                key=lambda it: (of.losses[it] + price * costs[it], costs[it], -of.densities[it]),
            )
            densities[path] = of.densities[best]
            total += costs[best]
        return _Choice(densities, total)

    def within(self, cost: float) -> _Choice:
        """The dearest choice of at most `cost`; the cheapest of all if none is."""
        low, high = 0.0, 1e12
        if self.at(low).cost <= cost:
            return self.at(low)
        for _ in range(_HALVINGS):
            # Prices differ by many powers of ten.
            middle = (max(low, 1e-12) * high) ** 0.5
            if self.at(middle).cost <= cost:
                high = middle
            else:
                low = middle
        return self.at(high)

    def uniform(self, density: float) -> float:
        """The cost of this density in every layer."""
        return sum(self._cost(path, density) for path in self._found)


def compress_within(
    budget: Budget,
    module: nn.Module,
    sample_images: torch.Tensor,
    plan: CompressionPlan | None = None,
    train_data: Labelled | None = None,
    epochs: int = 0,
    *,
    seed: int = 0,
    progress: Progress = silent,
    shift: int = 1,
    config: Config = SMALL,
    tolerance: float = TOLERANCE,
    resume: Path | None = None,
) -> Compressed:
    """`golden.compress.compress`, with densities that keep the budget; parameters as there.

    Layers that the plan keeps whole (density 1, or plain) stay so; the others' densities are chosen anew.

    For points the network is compressed several times, with more or fewer weights, until the sparsest that
    keeps the budget is found. Every `HELD`th labelled image is held out of the training for that, and
    `comparison` of the result is that on these images (without labels: on all).

    Raises UnsupportedError where no densities keep the budget, with what comes nearest.
    """
    module = module_of(module)
    graph = import_module(module, sample_images)
    base = plan or default_plan(graph, config=config)
    base.demand(graph)
    choices = _choices(budget, graph, base, as_maps(sample_images), config, progress)

    def made(plan: CompressionPlan, data: Labelled | None) -> Compressed:
        return compress(
            module,
            sample_images,
            plan,
            data,
            epochs,
            seed=seed,
            progress=progress,
            shift=shift,
            config=config,
            tolerance=tolerance,
            resume=resume,
        )

    if budget.kind != POINTS:
        plan = _planned(budget, graph, as_maps(sample_images), choices, base, config)
        return _told(budget, made(plan, train_data), config)
    return _lost_at_most(budget, module, sample_images, train_data, choices, base, made)


def _told(budget: Budget, made: Compressed, config: Config) -> Compressed:
    """With a warning where training moved coefficients so that the budget does not hold any more."""
    found = cost_of(budget.kind, compile_network(made.network, config))
    if found <= budget.most:
        return made
    text = f"{budget}: as trained it has {_number(found)}; a budget that much lower would hold"
    return replace(made, warnings=(*made.warnings, text))


def _choices(
    budget: Budget,
    graph: FloatGraph,
    base: CompressionPlan,
    images: torch.Tensor,
    config: Config,
    progress: Progress,
) -> _Choices:
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

    return _Choices(found, cost)


def _with(base: CompressionPlan, densities: Mapping[str, float]) -> CompressionPlan:
    """The plan with other densities."""
    layers = {path: replace(base.of(path), density=it) for path, it in densities.items()}
    return CompressionPlan({**base.layers, **layers}, base.default)


def _planned(
    budget: Budget,
    graph: FloatGraph,
    images: torch.Tensor,
    choices: _Choices,
    base: CompressionPlan,
    config: Config,
) -> CompressionPlan:
    """The plan whose compiled network, not trained, keeps a budget of cycles or bits.

    Estimated costs order the choices; what a compiled network costs decides.
    """
    net = QuantizedNet(graph, base)

    def real(choice: _Choice) -> float:
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


def cost_of(kind: str, program: Program) -> float:
    """Cycles of an image, or bits for each weight, of a compiled network."""
    if kind == CYCLES:
        return count_cycles(program).cycles
    return sum(it.weight_bits for it in program.layers) / sum(it.weights for it in program.layers)


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
    choices: _Choices,
    base: CompressionPlan,
    made: Callable[[CompressionPlan, Labelled | None], Compressed],
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
        result = made(_with(base, choice.densities), data)
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
