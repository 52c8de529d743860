"""A user's own network, compressed."""

from functools import partial

import torch

from flows.base.files import save_whole
from flows.base.metrics import percent, table
from flows.base.progress import bar, step
from flows.user.commands import Compress
from flows.user.own_images import load_images
from flows.user.own_module import load_network
from golden.compiler import compile_network
from golden.compress import Budget, Compressed, compress, import_module
from golden.compress.budget import POINTS, cost_of
from golden.compress.patterns import Pattern, pattern_plan
from golden.frontend.inputs import check_training
from golden.frontend.modules import evaluation
from golden.graph import network_file
from golden.graph.floats import FloatGraph
from golden.progress import Progress
from golden.spec.config import Config, load_config
from golden.spec.errors import LightDealError, UnsupportedError
from golden.workloads import Dataset

DENSITY = 0.2
"""Kept fraction of the coefficients where neither it nor a budget is given."""

SAMPLES = 512
"""Images that activations are calibrated on."""


def compress_own(options: Compress) -> tuple[str, bool]:
    """Compress a network into a file; returns a table of its layers, and whether nothing speaks against it.

    The file is written in any case. Raises LightDealError before any training, with all reasons, if network,
    data or options cannot work, or the network does not fit the configuration.
    """
    config = load_config(options.config)
    budget = None if options.budget is None else Budget.parse(options.budget)
    if budget is not None and options.density is not None:
        raise LightDealError("compress: --budget and --density: the one follows from the other; give one")
    data = load_images(options.data, training=True)
    if options.epochs and data.labels is None:
        raise LightDealError(f"data {options.data!r}: re-training needs labels; give some, or --epochs 0")
    module = load_network(options.module)
    images = torch.from_numpy(data.images)
    labels = None if data.labels is None else torch.from_numpy(data.labels)
    samples = images[:SAMPLES]
    graph = import_module(module, samples)
    train = None if labels is None else Dataset(options.data, images, labels)
    if train is not None:
        _demand_training(options.data, train, graph, module)
    with step("compression"), bar("compression") as progress:
        made = _made(options, budget, module, samples, graph, train, config, progress)
    save_whole(options.out, partial(network_file.save, made.network))
    rows = [
        [layer.path, layer.kind, layer.weights, layer.kept, f"{layer.error:.3f}"] for layer in made.layers
    ]
    text = table(["layer", "kind", "weights", "kept", "distance"], rows)
    text += f"\n\nkept {percent(made.kept)} of all weights\n{made.comparison}\nnetwork: {options.out}"
    if budget is not None:
        text += f"\n{budget}: {_spent(budget, made, config)}"
    text += "".join(f"\nWARNING: {warning}" for warning in made.warnings)
    return text, not made.warnings


def _spent(budget: Budget, made: Compressed, config: Config) -> str:
    """What of a budget was needed."""
    if budget.kind == POINTS:
        return f"{100 * made.comparison.lost:.2f}"
    return f"{cost_of(budget.kind, compile_network(made.network, config)):,.5g}"


def _made(
    options: Compress,
    budget: Budget | None,
    module: torch.nn.Module,
    samples: torch.Tensor,
    graph: FloatGraph,
    train: Dataset | None,
    config: Config,
    progress: Progress,
) -> Compressed:
    """The network, compressed with a density or within a budget."""
    name, _, shared = options.pattern.partition("s")
    pattern = Pattern(options.basis, f"{name}s", int(shared or 1), options.density or DENSITY)
    plan = pattern_plan(graph, pattern, config)
    return compress(
        module,
        samples,
        plan,
        train,
        options.epochs,
        seed=options.seed,
        progress=progress,
        shift=options.shift,
        config=config,
        tolerance=options.tolerance,
        resume=options.out.with_name(f"{options.out.name}.training"),
        budget=budget,
    )


def _demand_training(data: str, train: Dataset, graph: FloatGraph, module: torch.nn.Module) -> None:
    """Raises LightDealError unless the labels are classes of what the network gives."""
    with evaluation(module) as network, torch.no_grad():
        logits = network(train.images[:1])
    try:
        check_training(train, graph, logits)
    except UnsupportedError as error:
        raise LightDealError(f"data {data!r}: {error}") from error
