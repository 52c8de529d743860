"""From a trained `QuantizedNet` to the integers of `golden.network.Network`."""

import copy
import math

import numpy as np
import torch

from golden.compress.fold import coefficient_array
from golden.compress.quantized import QuantizedLayer, QuantizedNet
from golden.network import Factored, Feature, Layer, Network, Plain, Residual
from golden.spec.memories import Fold


def to_network(net: QuantizedNet) -> Network:
    """The integer network. Its tensors equal those of the module's integer mode in float64."""
    exact = copy.deepcopy(net).double().eval()
    graph = exact.graph
    scales = {graph.input: 2.0**exact.input_grid}
    layers = []
    with torch.no_grad():
        for module in exact.stages:
            layers.append(_layer(module, scales))
            grids = module.grids
            scales[module.layer.output] = 2.0**grids.output
            if module.layer.pool:
                scales[module.layer.output] *= 2.0**grids.pool / module.pixels
    features = {name: Feature(name, shape, scales[name]) for name, shape in graph.shapes.items()}
    return Network(features, tuple(layers), graph.input, graph.output)


def _layer(module: QuantizedLayer, scales: dict[str, float]) -> Layer:
    layer, grids = module.layer, module.grids
    weights, terms, bias, shift = module.integers(scales[layer.input])
    residual = None
    if layer.residual is not None:
        other = round(math.log2(scales[layer.residual]))
        finest = min(grids.result, other)
        residual = Residual(layer.residual, grids.result - finest, other - finest, grids.output - finest)
    return Layer(
        path=layer.path,
        input=layer.input,
        output=layer.output,
        filters=len(layer.weight),
        kernel=(layer.weight.shape[2], layer.weight.shape[3]),
        stride=layer.stride,
        padding=layer.padding,
        weights=_weights(module, weights, terms),
        bias=_whole(bias),
        shift=_whole(shift),
        relu=layer.relu,
        residual=residual,
        pool=grids.pool if layer.pool else None,
    )


def _weights(module: QuantizedLayer, weights: torch.Tensor, terms: torch.Tensor) -> Factored | Plain:
    if module.plain:
        return Plain(_whole(weights / terms[:, None, None, None]), _whole(terms))
    plan, shape = module.plan, module.shape
    coefficients = module.coefficients()
    size = plan.size
    # The columns of the last group beyond the last filter belong to nobody.
    if plan.kind != "column" and (missing := -shape[0] % size):
        terms = terms.clone()
        terms[-1, :, size - missing :] = 0
    return Factored(
        fold=Fold.COLUMN if plan.kind == "column" else Fold.GROUP,
        coefficients=_whole(coefficient_array(coefficients, plan, shape)),
        kept=coefficient_array(module.kept, plan, shape).numpy(),
        basis=_whole(terms),
    )


def _whole(values: torch.Tensor) -> np.ndarray:
    return values.round().to(torch.int64).numpy()
