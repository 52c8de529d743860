"""The four networks that every figure compares: float, dense int8, power-of-two, SmartDeal.

All begin with the same float network and get the same further epochs; the float network too.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from golden.compress import (
    Compressed,
    CompressionPlan,
    Schedule,
    compress,
    default_plan,
    import_module,
    int8_plan,
    no_basis_plan,
)
from golden.compress.graph import FloatGraph
from golden.train.data import Dataset
from golden.train.loop import Progress, accuracy, fit, silent
from golden.train.networks import DigitsNet, FashionNet

VARIANTS = ("int8", "po2", "smartdeal")


@dataclass(frozen=True)
class Recipe:
    """How the figures of one data set are made.

    Parameters
    ----------
    network: makes an untrained module.
    first: epochs of the float network that all variants start from. further: epochs of each after that.
    density: of the layers between the first and the last.
    batch, rate, decay: see `golden.train.loop.fit`. shift: in pixels, of the images in training.
    samples: training images for calibration.
    """

    network: Callable[[], nn.Module]
    first: int
    further: int
    density: float = 0.18
    batch: int = 64
    rate: float = 3e-3
    decay: float = 1e-2
    shift: int = 1
    samples: int = 300


DIGITS = Recipe(DigitsNet, first=20, further=30, density=0.2)
"""scikit-learn's digits."""

FASHION = Recipe(FashionNet, first=4, further=5, batch=128)
"""Fashion-MNIST, 55,000 images."""


@dataclass(frozen=True)
class Comparison:
    """Accuracies on test images, and the networks that reached them.

    Parameters
    ----------
    module: the float network after all its epochs.
    compressed: name in `VARIANTS` → what `compress` gave.
    accuracies: "float" and `VARIANTS` → fraction of 1; the compressed ones of integer networks.
    """

    module: nn.Module
    compressed: dict[str, Compressed]
    accuracies: dict[str, float]


def plan_of(variant: str, graph: FloatGraph, density: float) -> CompressionPlan:
    """The plan of one of `VARIANTS`. Raises KeyError for another name."""
    plans = {
        "int8": lambda: int8_plan(),
        "po2": lambda: no_basis_plan(graph, density),
        "smartdeal": lambda: default_plan(graph, density),
    }
    return plans[variant]()


def first_network(recipe: Recipe, train: Dataset, seed: int, progress: Progress = silent) -> nn.Module:
    """The float network that all variants start from."""
    torch.manual_seed(seed)
    return _fit(recipe.network(), recipe, train, recipe.first, seed, recipe.rate, progress)


def continue_float(
    module: nn.Module, recipe: Recipe, train: Dataset, seed: int, progress: Progress = silent
) -> nn.Module:
    """A copy of the float network with as many further epochs as the compressed ones get."""
    module = copy.deepcopy(module)
    return _fit(module, recipe, train, recipe.further, seed + 1, recipe.rate / 3, progress)


def compress_variant(
    module: nn.Module,
    plan: CompressionPlan,
    recipe: Recipe,
    train: Dataset,
    seed: int,
    progress: Progress = silent,
) -> Compressed:
    """A network compressed and re-trained by a recipe."""
    schedule = Schedule(rate=recipe.rate, batch=recipe.batch, decay=recipe.decay)
    samples = train.images[: recipe.samples]
    return compress(
        module,
        samples,
        plan,
        train,
        recipe.further,
        seed=seed + 1,
        progress=progress,
        schedule=schedule,
        shift=recipe.shift,
    )


def compare(
    recipe: Recipe, train: Dataset, test: Dataset, seed: int = 0, progress: Progress = silent
) -> Comparison:
    """Train all four networks with one seed and measure them on the test images."""
    share = 1.0 / (2 + len(VARIANTS))

    def part(name: str, number: int) -> Progress:
        return lambda message, done: progress(f"{name}: {message}", share * (number + done))

    start = first_network(recipe, train, seed, part("float", 0))
    graph = import_module(start, train.images[: recipe.samples])
    module = continue_float(start, recipe, train, seed, part("float", 1))
    accuracies = {"float": accuracy(module, test)}
    compressed = {}
    for number, variant in enumerate(VARIANTS, start=2):
        plan = plan_of(variant, graph, recipe.density)
        made = compress_variant(start, plan, recipe, train, seed, part(variant, number))
        compressed[variant] = made
        accuracies[variant] = made.accuracy(test)
    return Comparison(module, compressed, accuracies)


def _fit(
    module: nn.Module,
    recipe: Recipe,
    train: Dataset,
    epochs: int,
    seed: int,
    rate: float,
    progress: Progress,
) -> nn.Module:
    return fit(
        module,
        train,
        epochs,
        seed,
        progress,
        rate=rate,
        batch=recipe.batch,
        decay=recipe.decay,
        shift=recipe.shift,
    )
