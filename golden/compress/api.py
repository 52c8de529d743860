"""`compress`: the whole way from a user's module to an integer network."""

import copy
from dataclasses import dataclass, replace

import torch
from torch import nn

from golden.compress.calibrate import calibrate, restore_statistics
from golden.compress.defaults import default_plan
from golden.compress.floats import pack_floats, real_graph
from golden.compress.importer import check_images, check_training, import_module
from golden.compress.integer import to_network
from golden.compress.plan import CompressionPlan
from golden.compress.quantized import QuantizedLayer, QuantizedNet
from golden.compress.retrain import Schedule, retrain
from golden.network import Network
from golden.ops import run_network
from golden.spec.errors import UnsupportedError
from golden.tensors import quantise
from golden.train.loop import Labelled, Progress, silent


@dataclass(frozen=True)
class LayerReport:
    """One compressed layer.

    Parameters
    ----------
    path: of the module. kind: see `LayerPlan`. weights: of the dense layer.
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
    """

    network: Network
    plan: CompressionPlan
    layers: tuple[LayerReport, ...]
    module: QuantizedNet

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
) -> Compressed:
    """Compress a trained network; the module itself stays as it was.

    Parameters
    ----------
    module: float32, see `golden.compress.importer` for what it may hold.
    sample_images: float32 (N, C, H, W); a few hundred for calibration, no labels.
    plan: how each layer is compressed; `default_plan` if None.
    train_data: labelled images for re-training, needed if epochs > 0.
    epochs: of re-training with the projection in the loop; 0 compresses after training only.
    seed: of the order of images and their shifts (at most `shift` pixels).
    progress: called with a message and the fraction done.

    Raises UnsupportedError before any work starts if the network, the images or the plan cannot work.
    """
    check_images(sample_images, "sample images")
    if epochs < 0 or (epochs > 0 and train_data is None):
        raise UnsupportedError(
            f"compress: epochs = {epochs} with train_data = {train_data}; "
            "supported: 0, or more with labelled images to train on"
        )
    graph = import_module(module, sample_images)
    plan = plan or default_plan(graph)
    plan.demand(graph)
    if train_data is not None:
        check_training(train_data, graph)
    progress("decomposition", 0.0)
    net = QuantizedNet(graph, plan)
    if epochs and train_data is not None:
        teacher = copy.deepcopy(module).eval()
        retrain(net, train_data, sample_images, epochs, seed, progress, schedule, shift, teacher)
    else:
        for layer in net.stages:
            layer.refit(layer.plan.density)
        restore_statistics(net, sample_images)
        calibrate(net, sample_images)
    progress("integers", 1.0)
    reports = tuple(_report(layer) for layer in net.stages)
    network = replace(to_network(net), floats=pack_floats(graph, real_graph(net)))
    return Compressed(network, plan, reports, net)


def network_accuracy(network: Network, data: Labelled) -> float:
    """Fraction of images that an integer network labels right; the first of equal logits counts."""
    images = quantise(data.images.numpy(), network.features[network.input].scale)
    logits = run_network(network, images)[network.output]
    found = logits.reshape(len(logits), -1).argmax(1)
    return float((found == data.labels.numpy()).mean())


def _report(layer: QuantizedLayer) -> LayerReport:
    weights = layer.shape.numel()
    with torch.no_grad():
        target = layer.layer.weight
        error = float((layer.real_weight() - target).norm() / target.norm().clamp_min(1e-30))
        kept = weights
        if not layer.plain:
            kept = int(layer.kept.sum())
    return LayerReport(layer.layer.path, layer.plan.kind, weights, kept, error)
