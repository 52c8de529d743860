"""`compress`: the whole way from a user's module to an integer network."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from golden.compiler import compile_network
from golden.compress.budget import Budget
from golden.compress.calibrate import hold
from golden.compress.compare import Comparison, compare
from golden.compress.defaults import default_plan
from golden.compress.floats import pack_floats, real_graph
from golden.compress.integer import to_network
from golden.compress.plan import CompressionPlan
from golden.compress.pooled import PooledLayer
from golden.compress.quantized import QuantizedNet
from golden.compress.quantized_layer import QuantizedLayer
from golden.compress.result import Compressed, LayerReport
from golden.compress.retrain import Schedule, at_once, retrain
from golden.compress.trial import demand_fit
from golden.compress.within import compress_within
from golden.frontend.importer import import_module
from golden.frontend.inputs import check_images, check_training
from golden.frontend.modules import FirstResult, evaluation
from golden.frontend.networks import module_of
from golden.frontend.sequences import as_maps
from golden.graph.floats import FloatGraph
from golden.graph.network import Network
from golden.graph.operations.gate import FloatGate
from golden.progress import Progress, silent
from golden.spec.config import SMALL, Config
from golden.spec.errors import LightDealError, UnsupportedError
from golden.workloads.loop import Labelled

TOLERANCE = 0.1
"""Accuracy that compression may cost without a warning: ten images of a hundred."""


def compress(
    module: nn.Module,
    sample_images: torch.Tensor,
    plan: CompressionPlan | None = None,
    train_data: Labelled | None = None,
    epochs: int = 0,
    *,
    seed: int = 0,
    progress: Progress = silent,
    schedule: Schedule | None = None,
    shift: int = 0,
    config: Config | None = None,
    tolerance: float = TOLERANCE,
    resume: Path | None = None,
    budget: Budget | None = None,
) -> Compressed:
    """Compress a trained network; the module itself stays as it was.

    Parameters
    ----------
    module: float32, see `golden.frontend.importer` for what it may hold.
    sample_images: float32 (N, C, H, W), sequences (N, C, L) or features (N, F); a few hundred for
        calibration, no labels.
    plan: how each layer is compressed; `default_plan` if None.
    train_data: labelled images for re-training, needed if epochs > 0.
    epochs: of re-training with the projection in the loop; 0 compresses after training only.
    seed: of the order of images and their shifts.
    shift: largest random shift of an image in re-training, in pixels: that of the network's own training.
    progress: called with a message and the fraction done.
    config: the accelerator that the network is for; what does not fit it is refused at once.
    tolerance: largest loss against the float network (`Comparison.lost`) that is no warning, 0…1.
    resume: file that keeps the re-training, see `golden.compress.retrain.retrain`; gone at the end.
    budget: what the network may cost on `config` (`SMALL` if None). Layers that the plan keeps whole (density
        1, or plain) stay so; the others' densities are chosen anew, by measured sensitivity. For points the
        network is compressed several times, with more or fewer weights, until the sparsest that keeps the
        budget is found; every `golden.compress.within.HELD`th labelled image is held out of the training for
        that, and `comparison` of the result is that on these images (without labels: on all).

    Raises, before any training, an UnsupportedError or CapacityError with all reasons if the network, the
    images or the plan cannot work, or no densities keep the budget. A result that is far worse than the float
    network has `warnings`.
    """
    check_images(sample_images, "sample images")
    _check_options(train_data, epochs, tolerance)
    module = module_of(module)
    graph = import_module(module, sample_images)
    plan = plan or default_plan(graph, config=config or SMALL)
    plan.demand(graph)
    if budget is not None:
        config = config or SMALL
    kept: set[Path] = set()

    def made(plan: CompressionPlan, data: Labelled | None, attempt: str) -> Compressed:
        file = None
        if resume is not None:
            kept.add(file := resume.with_name(f"{resume.name}{attempt and '.'}{attempt}"))
        training = _Training(epochs, seed, progress, schedule, shift, file)
        return _made(module, graph, sample_images, plan, data, training, config, tolerance)

    if budget is None or config is None:
        found = made(plan, train_data, "")
    else:
        found = compress_within(
            budget, module, graph, sample_images, train_data, plan, config, progress, made
        )
    for file in kept:
        file.unlink(missing_ok=True)
    return found


@dataclass(frozen=True)
class _Training:
    """How `compress` re-trains; parameters as there."""

    epochs: int
    seed: int
    progress: Progress
    schedule: Schedule | None
    shift: int
    resume: Path | None


def _made(
    module: nn.Module,
    graph: FloatGraph,
    sample_images: torch.Tensor,
    plan: CompressionPlan,
    train_data: Labelled | None,
    training: _Training,
    config: Config | None,
    tolerance: float,
) -> Compressed:
    """The network compressed with one plan."""
    with evaluation(module):
        teacher = FirstResult(module, sample_images.shape[1:])
        sample_images = as_maps(sample_images)
        images, labels = sample_images, None
        if train_data is not None:
            check_training(train_data, graph, teacher(sample_images[:1]))
            train_data = _OfMaps(as_maps(train_data.images), train_data.labels)
            images, labels = train_data.images, train_data.labels
        training.progress("decomposition", 0.0)
        net = QuantizedNet(graph, plan)
        demand_fit(net, sample_images, config)
        if training.epochs and train_data is not None:
            retrain(
                net,
                train_data,
                sample_images,
                training.epochs,
                training.seed,
                training.progress,
                training.schedule,
                training.shift,
                teacher,
                training.resume,
            )
        else:
            at_once(net, sample_images)
        hold(net, sample_images)
        training.progress("integers", 1.0)
        network = replace(to_network(net), floats=pack_floats(graph, real_graph(net)))
        comparison = compare(network, teacher, images, labels)
    reports = tuple(_report(layer) for layer in net.stages)
    warnings = _warnings(network, comparison, config, tolerance)
    return Compressed(network, plan, reports, net, comparison, warnings)


@dataclass(frozen=True)
class _OfMaps:
    """Labelled images, sequences as maps of one row."""

    images: torch.Tensor
    labels: torch.Tensor


def _check_options(train_data: Labelled | None, epochs: int, tolerance: float) -> None:
    if epochs < 0:
        raise UnsupportedError(f"compress: epochs = {epochs}; supported: 0 or more")
    if epochs and train_data is None:
        raise UnsupportedError(
            f"compress: epochs = {epochs} without train_data; supported: 0, or labelled images to train on"
        )
    if epochs and train_data is not None and len(train_data.images) < 2:
        raise UnsupportedError("training images: found 1; supported: at least 2 to train on")
    if not 0 <= tolerance <= 1:
        raise UnsupportedError(f"compress: tolerance = {tolerance}; supported: 0…1")


def _warnings(
    network: Network, comparison: Comparison, config: Config | None, tolerance: float
) -> tuple[str, ...]:
    """What is wrong with a network that was made nevertheless."""
    found = []
    if not comparison.lost <= tolerance:
        found.append(
            f"far worse than the float network: {comparison}. More epochs, more images or a higher density "
            f"help; a tolerance of {comparison.lost:.2g} would pass (now {tolerance:g})"
        )
    if config is not None:
        try:
            compile_network(network, config)
        except LightDealError as error:
            found.append(f"as trained it does not fit configuration {config.name!r} any more: {error}")
    return tuple(found)


def _report(layer: QuantizedLayer | PooledLayer) -> LayerReport:
    if isinstance(layer, PooledLayer):
        kind = "gate" if isinstance(layer.product, FloatGate) else "pooling"
        return LayerReport(layer.layer.path, kind, 0, 0, 0.0)
    weights = layer.shape.numel()
    with torch.no_grad():
        target = layer.product.weight
        error = float((layer.real_weight() - target).norm() / target.norm().clamp_min(1e-30))
        kept = weights
        if not layer.plain:
            kept = int(layer.mask.sum())
    return LayerReport(layer.layer.path, layer.plan.kind, weights, kept, error)
