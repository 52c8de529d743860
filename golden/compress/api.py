"""`compress`: the whole way from a user's module to an integer network."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from golden.compiler import compile_network
from golden.compress.calibrate import hold
from golden.compress.compare import Comparison, compare
from golden.compress.defaults import default_plan
from golden.compress.floats import pack_floats, real_graph
from golden.compress.integer import to_network
from golden.compress.plan import CompressionPlan
from golden.compress.pooled import PooledLayer
from golden.compress.quantized import QuantizedNet
from golden.compress.quantized_layer import QuantizedLayer
from golden.compress.retrain import Schedule, at_once, retrain
from golden.compress.trial import demand_fit
from golden.frontend.importer import import_module
from golden.frontend.inputs import check_images, check_training
from golden.frontend.modules import FirstResult, evaluation
from golden.frontend.networks import module_of
from golden.frontend.sequences import as_maps
from golden.graph.network import Network
from golden.graph.operations.gate import FloatGate
from golden.graph.reference import run_network
from golden.machine.tensors import quantise
from golden.progress import Progress, silent
from golden.spec.config import SMALL, Config
from golden.spec.errors import LightDealError, UnsupportedError
from golden.workloads.loop import Labelled

TOLERANCE = 0.1
"""Accuracy that compression may cost without a warning: ten images of a hundred."""


@dataclass(frozen=True)
class LayerReport:
    """One compressed layer.

    Parameters
    ----------
    path: of the module. kind: see `LayerPlan`, or "pooling", "gate". weights: of the dense layer.
    kept: coefficients in the mask; all weights of a plain layer.
    error: distance of the weights from the user's, ‖W − W'‖/‖W‖, after re-training if there was any.
    """

    path: str
    kind: str
    weights: int
    kept: int
    error: float


@dataclass(frozen=True)
class Compressed:
    """What `compress` gives back.

    Parameters
    ----------
    network: the integers that the compiler reads.
    plan: what was asked of each layer.
    layers: what became of each.
    module: the same network as a torch module (real images in, real logits out); in float64 it
        equals `network` to the last bit.
    comparison: with the float network, on the labelled images if there are any, else on the samples.
    warnings: what speaks against using the network, in words; empty if all is well.
    """

    network: Network
    plan: CompressionPlan
    layers: tuple[LayerReport, ...]
    module: QuantizedNet
    comparison: Comparison
    warnings: tuple[str, ...]

    @property
    def kept(self) -> float:
        """Kept coefficients ÷ all weights; plain weights count as kept."""
        return sum(layer.kept for layer in self.layers) / sum(layer.weights for layer in self.layers)

    def accuracy(self, data: Labelled) -> float:
        """Fraction of images that the integer network labels right."""
        return network_accuracy(self.network, data)


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
    shift: int = 1,
    config: Config | None = None,
    tolerance: float = TOLERANCE,
    resume: Path | None = None,
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
    seed: of the order of images and their shifts (at most `shift` pixels).
    progress: called with a message and the fraction done.
    config: the accelerator that the network is for; what does not fit it is refused at once.
    tolerance: largest loss against the float network (`Comparison.lost`) that is no warning, 0…1.
    resume: file that keeps the re-training, see `golden.compress.retrain.retrain`.

    Raises, before any training, an UnsupportedError or CapacityError with all reasons if the network, the
    images or the plan cannot work. A result that is far worse than the float network has `warnings`.
    """
    check_images(sample_images, "sample images")
    _check_options(train_data, epochs, tolerance)
    module = module_of(module)
    graph = import_module(module, sample_images)
    plan = plan or default_plan(graph, config=config or SMALL)
    plan.demand(graph)
    with evaluation(module):
        teacher = FirstResult(module, sample_images.shape[1:])
        sample_images = as_maps(sample_images)
        images, labels = sample_images, None
        if train_data is not None:
            check_training(train_data, graph, teacher(sample_images[:1]))
            train_data = _OfMaps(as_maps(train_data.images), train_data.labels)
            images, labels = train_data.images, train_data.labels
        progress("decomposition", 0.0)
        net = QuantizedNet(graph, plan)
        demand_fit(net, sample_images, config)
        if epochs and train_data is not None:
            retrain(net, train_data, sample_images, epochs, seed, progress, schedule, shift, teacher, resume)
        else:
            at_once(net, sample_images)
        hold(net, sample_images)
        progress("integers", 1.0)
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


def network_accuracy(network: Network, data: Labelled) -> float:
    """Fraction of images that an integer network labels right; the first of equal logits counts."""
    images = quantise(as_maps(data.images).numpy(), network.features[network.input].scale)
    logits = run_network(network, images)[network.output]
    found = logits.reshape(len(logits), -1).argmax(1)
    return float((found == data.labels.numpy()).mean())


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
