"""What the density of one layer does to the output of the network, all others as they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from golden.compress.plan import CompressionPlan
from golden.compress.quantized_layer import QuantizedLayer
from golden.graph.floats import FloatGraph, FloatLayer, float_features
from golden.graph.joined import complete
from golden.graph.operations.batch_norm import Norm
from golden.graph.operations.convolution import FloatConvolution
from golden.progress import Progress, silent

DENSITIES = (0.04, 0.06, 0.08, 0.11, 0.15, 0.2, 0.27, 0.36, 0.5, 0.7, 1.0)
"""Densities that are tried, rising."""


LEAST = 1e-12
"""A change of the output that is none."""


@dataclass(frozen=True)
class Sensitivity:
    """One layer.

    Parameters
    ----------
    densities: that were tried, rising.
    losses: what each does to the output: ‖y′ − y‖² ÷ ‖y − mean of y‖², at least 0.
    """

    densities: tuple[float, ...]
    losses: tuple[float, ...]

    def finer(self, steps: int) -> "Sensitivity":
        """With `steps` densities for each between two that were tried, in equal ratios; losses likewise."""
        tried = np.log(self.densities)
        places = np.linspace(0, len(tried) - 1, (len(tried) - 1) * steps + 1)
        between = np.interp(places, np.arange(len(tried)), tried)
        losses = np.interp(between, tried, np.log(np.maximum(self.losses, LEAST)))
        return Sensitivity(tuple(np.exp(between).tolist()), tuple(np.exp(losses).tolist()))


def sensitivity(
    graph: FloatGraph,
    images: torch.Tensor,
    plan: CompressionPlan,
    densities: Sequence[float] = DENSITIES,
    progress: Progress = silent,
) -> dict[str, Sensitivity]:
    """Every layer with coefficients, pruned alone and not re-trained, in floats.

    Batch norm's statistics move with the sums of a pruned layer, as they do in compression after training.

    Parameters
    ----------
    images: float32 (N, C, H, W); some dozens suffice. No labels are read.
    plan: how each layer is factored; layers that are plain, or keep all on purpose (density 1), are left out.

    Returns layer path → what was found, in the order of execution.
    """
    with torch.no_grad():
        real = float_features(graph, images)
        wanted = real[graph.output]
        spread = (wanted - wanted.mean()).square().sum().clamp_min(torch.finfo(wanted.dtype).tiny)
        found = {}
        for index, layer in enumerate(graph.layers):
            progress(f"sensitivity of {layer.path}", index / len(graph.layers))
            how, product = plan.of(layer.path), layer.product
            if not isinstance(product, FloatConvolution) or how.kind == "plain" or how.density == 1:
                continue
            stage = QuantizedLayer(layer, product, how)
            losses = []
            for density in densities:
                stage.prune(density)
                sums = product.window.convolve(
                    real[layer.input], stage.real_weight(), product.bias, product.groups
                )
                result = layer.finish(_matched(layer, sums, real), real)
                output = _output(graph, index, result, real)
                losses.append(float((output - wanted).square().sum() / spread))
            found[layer.path] = Sensitivity(tuple(densities), tuple(losses))
    return found


def _matched(layer: FloatLayer, sums: torch.Tensor, real: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Sums with mean and variance of each channel as the whole weights give them, if batch norm follows."""
    norm = layer.find(Norm)
    if norm is None:
        return sums
    whole = layer.sums(real)
    dims = (0, 2, 3)
    factor = ((whole.var(dims) + norm.epsilon) / (sums.var(dims) + norm.epsilon)).sqrt()
    shift = whole.mean(dims) - sums.mean(dims) * factor
    return sums * factor[:, None, None] + shift[:, None, None]


def _output(
    graph: FloatGraph, index: int, result: torch.Tensor, real: Mapping[str, torch.Tensor]
) -> torch.Tensor:
    """The network's output if layer `index` gave `result`; only what depends on it is computed again."""
    values, changed = dict(real), set()

    def change(name: str, value: torch.Tensor) -> None:
        values[name] = value
        changed.add(name)
        joined = [it for it, parts in graph.joined.items() if name in parts]
        for it in joined:
            del values[it]
        complete(values, graph.joined, lambda parts: torch.cat([values[part] for part in parts], 1))
        changed.update(joined)

    change(graph.layers[index].output, result)
    for layer in graph.layers[index + 1 :]:
        if changed.intersection((layer.input, *layer.gates, *layer.reads)):
            change(layer.output, layer.finish(layer.sums(values), values))
    return values[graph.output]
