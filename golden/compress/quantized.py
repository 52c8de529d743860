"""The network in integers as a trainable torch module.

One forward pass serves training and proof: in its *integer* mode the module computes, operation
for operation, what `golden.graph.network.Network` means; in float64 every sum is exact, so it equals the
machine to the last bit, and in float32 it is what re-training minimises the loss of. In *norm* mode
(the first part of re-training) batch statistics take the place of the folded batch norm.
"""

import torch
from torch import nn

from golden.compress.plan import CompressionPlan, LayerPlan
from golden.compress.pooled import PooledLayer, taken
from golden.compress.quantized_layer import QuantizedLayer
from golden.frontend.sequences import as_maps
from golden.graph.floats import FloatGraph, FloatLayer
from golden.graph.joined import complete
from golden.graph.operations.convolution import FloatConvolution
from golden.numerics.straight_through import saturated


def _stage(layer: FloatLayer, plan: LayerPlan) -> QuantizedLayer | PooledLayer:
    product = layer.product
    if isinstance(product, FloatConvolution):
        return QuantizedLayer(layer, product, plan)
    return PooledLayer(layer, product, plan)


class QuantizedNet(nn.Module):
    """A whole network of `QuantizedLayer`; takes real images, gives real logits.

    Parameters
    ----------
    norm_mode: batch statistics in training (see the module's text); ignored in eval mode.
    """

    def __init__(self, graph: FloatGraph, plan: CompressionPlan) -> None:
        super().__init__()
        plan.demand(graph)
        self.graph = graph
        self.plan = plan
        self.norm_mode = False
        self.input_grid = 0
        self.layers = nn.ModuleList(_stage(layer, plan.of(layer.path)) for layer in graph.layers)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images (N, C, H, W) or (N, C, L) → real logits (N, M)."""
        name = self.graph.output
        values, scales = self.features(as_maps(images))
        return values[name].flatten(1) * scales[name]

    @property
    def stages(self) -> list[QuantizedLayer | PooledLayer]:
        """The layers in the order of execution."""
        return [stage for stage in self.layers if isinstance(stage, QuantizedLayer | PooledLayer)]

    def scales(self) -> dict[str, float]:
        """The worth of a step of every feature."""
        scales = {self.graph.input: 2.0**self.input_grid}
        for module in self.stages:
            scales[module.layer.output] = module.scale
        complete(scales, self.graph.joined, lambda parts: scales[parts[0]])
        return scales

    def features(self, images: torch.Tensor) -> tuple[dict[str, torch.Tensor], dict[str, float]]:
        """Every feature as whole numbers −128…127 (N, C, H, W), and the worth of a step."""
        scales = self.scales()
        values = {self.graph.input: saturated(torch.round(images / scales[self.graph.input]))}
        for module in self.stages:
            layer = module.layer
            result = module(*taken(layer, values, scales), self.norm_mode and self.training)
            others = {name: values[name] * scales[name] for name in layer.reads}
            values[layer.output] = module.finish(result, others)
            complete(values, self.graph.joined, lambda parts: torch.cat([values[it] for it in parts], 1))
        return values, scales
