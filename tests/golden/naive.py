"""A network in plain Python integers, one sum after another: the oracle of the vectorised models."""

import numpy as np

from golden.graph.network import Layer, Network
from golden.graph.operations.add import Add
from golden.graph.operations.global_mean import GlobalMean
from golden.graph.operations.relu import Relu
from golden.graph.operations.weights import Factored
from golden.spec.formats import round_shift, saturate
from golden.spec.memories import Fold

Map = list[list[list[int]]]


def weight(layer: Layer, m: int, c: int, r: int, q: int) -> int:
    """W[m, c, r, q] from the definition in `golden.graph.operations.weights`."""
    weights = layer.product.weights
    if not isinstance(weights, Factored):
        return int(weights.scale[m]) * int(weights.weights[m, c, r, q])
    coefficients, basis = weights.coefficients, weights.basis
    if weights.fold == Fold.COLUMN:
        return sum(int(coefficients[m, c, r, k]) * int(basis[m, k, q]) for k in range(3))
    group = coefficients.shape[-1]
    g, j = divmod(m, group)
    return sum(int(coefficients[g, c, r, q, k]) * int(basis[g, k, j]) for k in range(group))


def run_naive(network: Network, image: np.ndarray) -> dict[str, np.ndarray]:
    """Every feature of one image, int8 (C, H, W)."""
    features: dict[str, Map] = {network.input: image.tolist()}
    for layer in network.layers:
        add = layer.find(Add)
        other = None if add is None else features[add.tensor]
        features[layer.output] = _layer(layer, features[layer.input], other)
    return {name: np.array(values, np.int8) for name, values in features.items()}


def _layer(layer: Layer, source: Map, other: Map | None) -> Map:
    product, add, pool = layer.product, layer.find(Add), layer.find(GlobalMean)
    height, width = len(source[0]), len(source[0][0])
    rows = (height + 2 * product.padding - product.kernel[0]) // product.stride + 1
    columns = (width + 2 * product.padding - product.kernel[1]) // product.stride + 1
    output = []
    for m in range(product.filters):
        kernel = [
            (c, r, q, weight(layer, m, c, r, q))
            for c in range(len(source))
            for r in range(product.kernel[0])
            for q in range(product.kernel[1])
        ]
        plane = [[0] * columns for _ in range(rows)]
        for y in range(rows):
            for x in range(columns):
                total = int(layer.requantise.bias[m])
                for c, r, q, value in kernel:
                    iy, ix = (
                        y * product.stride + r - product.padding,
                        x * product.stride + q - product.padding,
                    )
                    if 0 <= iy < height and 0 <= ix < width:
                        total += value * source[c][iy][ix]
                result = saturate(round_shift(total, int(layer.requantise.shift[m])))
                if add is not None and other is not None:
                    both = result << add.align_result
                    both += other[m][y][x] << add.align_residual
                    result = saturate(round_shift(both, add.shift))
                plane[y][x] = max(result, 0) if layer.find(Relu) else result
        if pool is not None:
            plane = [[saturate(round_shift(sum(map(sum, plane)), pool.shift))]]
        output.append(plane)
    return output
