"""A user's own network, compressed."""

from functools import partial

import torch

from flows.base.files import save_whole
from flows.base.metrics import percent, table
from flows.base.progress import bar, step
from flows.user.commands import Compress
from flows.user.own_images import load_images
from flows.user.own_module import load_network
from golden.compress import compress, import_module
from golden.compress.patterns import Pattern, pattern_plan
from golden.frontend.inputs import check_training
from golden.frontend.modules import evaluation
from golden.graph import network_file
from golden.graph.floats import FloatGraph
from golden.spec.config import load_config
from golden.spec.errors import LightDealError, UnsupportedError
from golden.workloads import Dataset

SAMPLES = 512
"""Images that activations are calibrated on."""


def compress_own(options: Compress) -> tuple[str, bool]:
    """Compress a network into a file; returns a table of its layers, and whether nothing speaks against it.

    The file is written in any case. Raises LightDealError before any training, with all reasons, if network,
    data or options cannot work, or the network does not fit the configuration.
    """
    config = load_config(options.config)
    data = load_images(options.data, training=True)
    if options.epochs and data.labels is None:
        raise LightDealError(f"data {options.data!r}: re-training needs labels; give some, or --epochs 0")
    module = load_network(options.module)
    images = torch.from_numpy(data.images)
    labels = None if data.labels is None else torch.from_numpy(data.labels)
    samples = images[:SAMPLES]
    name, _, shared = options.pattern.partition("s")
    pattern = Pattern(options.basis, f"{name}s", int(shared or 1), options.density)
    graph = import_module(module, samples)
    plan = pattern_plan(graph, pattern, config)
    train = None if labels is None else Dataset(options.data, images, labels)
    if train is not None:
        _demand_training(options.data, train, graph, module)
    with step("compression"), bar("compression") as progress:
        made = compress(
            module,
            samples,
            plan,
            train,
            options.epochs,
            seed=options.seed,
            progress=progress,
            config=config,
            tolerance=options.tolerance,
        )
    save_whole(options.out, partial(network_file.save, made.network))
    rows = [
        [layer.path, layer.kind, layer.weights, layer.kept, f"{layer.error:.3f}"] for layer in made.layers
    ]
    text = table(["layer", "kind", "weights", "kept", "distance"], rows)
    text += f"\n\nkept {percent(made.kept)} of all weights\n{made.comparison}\nnetwork: {options.out}"
    text += "".join(f"\nWARNING: {warning}" for warning in made.warnings)
    return text, not made.warnings


def _demand_training(data: str, train: Dataset, graph: FloatGraph, module: torch.nn.Module) -> None:
    """Raises LightDealError unless the labels are classes of what the network gives."""
    with evaluation(module) as network, torch.no_grad():
        logits = network(train.images[:1])
    try:
        check_training(train, graph, logits)
    except UnsupportedError as error:
        raise LightDealError(f"data {data!r}: {error}") from error
