"""Which layer suffers most: each compressed alone, after training, the others in int8."""

import torch
from torch import nn

from golden.compress.api import compress
from golden.compress.defaults import default_plan
from golden.compress.plan import CompressionPlan, LayerPlan
from golden.frontend.importer import import_module
from golden.progress import Progress, silent
from golden.workloads.loop import Labelled


def sensitivity(
    module: nn.Module,
    sample_images: torch.Tensor,
    data: Labelled,
    plan: CompressionPlan | None = None,
    progress: Progress = silent,
) -> dict[str, float]:
    """Accuracy lost by compressing one layer alone, without re-training.

    Parameters
    ----------
    sample_images: for calibration. data: labelled images that the accuracy is measured on.
    plan: of each layer when its turn comes; `default_plan` if None.

    Returns layer path → accuracy of the int8 network − accuracy with this layer compressed, as
    fractions of 1 (negative where compression helped).
    """
    graph = import_module(module, sample_images)
    plan = plan or default_plan(graph)
    plain = LayerPlan("plain")
    base = compress(module, sample_images, CompressionPlan({}, plain)).accuracy(data)
    lost = {}
    for index, layer in enumerate(graph.layers):
        progress(layer.path, index / len(graph.layers))
        alone = CompressionPlan({layer.path: plan.of(layer.path)}, plain)
        lost[layer.path] = base - compress(module, sample_images, alone).accuracy(data)
    progress("sensitivity", 1.0)
    return lost
