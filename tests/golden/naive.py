"""A network in plain Python integers, one sum after another: the oracle of the vectorised models."""

import numpy as np

from golden.graph.network import Layer, Network
from golden.graph.operations.add import Add
from golden.graph.operations.global_mean import GlobalMean
from golden.graph.operations.lookup import Lookup
from golden.graph.operations.max_pool import MaxPool
from golden.graph.operations.relu import Relu
from golden.graph.operations.uneven_pool import UnevenPool
from golden.graph.operations.weights import Factored
from golden.spec.formats import round_shift, saturate
from golden.spec.memories import Fold

Map = list[list[list[int]]]


def weight(layer: Layer, m: int, c: int, r: int, q: int) -> int:
    """W[m, c, r, q] from the definition in `golden.graph.operations.weights`."""
    weights = layer.convolution.weights
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
        gate = [features[name] for name in layer.gates]
        features[layer.output] = _layer(layer, features[layer.input], other, *gate)
        for whole, parts in network.joined.items():
            if all(it in features for it in parts):
                features[whole] = [plane for it in parts for plane in features[it]]
    return {name: np.array(values, np.int8) for name, values in features.items()}


def _layer(layer: Layer, source: Map, other: Map | None, gate: Map | None = None) -> Map:
    product, add, pool = layer.product, layer.find(Add), layer.find(GlobalMean)
    window = product.window
    high, wide = window.enlarge
    height, width = len(source[0]) * high, len(source[0][0]) * wide
    (down, across), (top, bottom, left, right) = window.stride, window.padding
    rows = (height + top + bottom - (product.kernel[0] - 1) * window.dilation[0] - 1) // down + 1
    columns = (width + left + right - (product.kernel[1] - 1) * window.dilation[1] - 1) // across + 1
    output = []
    largest = isinstance(product, MaxPool)
    pooled = largest or isinstance(product, UnevenPool)
    together = product.filters // product.groups
    for m in range(product.filters):
        channels = range(product.group_channels)
        first = m // together * product.group_channels
        kernel = [
            (first + c, r, q, gate[m][0][0] if gate else 1 if pooled else weight(layer, m, c, r, q))
            for c in channels
            for r in range(product.kernel[0])
            for q in range(product.kernel[1])
        ]
        plane = [[0] * columns for _ in range(rows)]
        for y in range(rows):
            for x in range(columns):
                seen = []
                for c, r, q, value in kernel:
                    iy = y * down + r * window.dilation[0] - top
                    ix = x * across + q * window.dilation[1] - left
                    if 0 <= iy < height and 0 <= ix < width:
                        seen.append(value * source[c][iy // high][ix // wide])
                total = max(seen, default=-128) if largest else sum(seen)
                total *= int(product.factors[y, x]) if isinstance(product, UnevenPool) else 1
                total += int(layer.requantise.bias[m])
                result = saturate(round_shift(total, int(layer.requantise.shift[m])))
                if add is not None and other is not None:
                    both = result << add.align_result
                    both += other[m][y][x] << add.align_residual
                    result = saturate(round_shift(both, add.shift))
                lookup = layer.find(Lookup)
                if lookup is not None:
                    result = int(lookup.table[result + 128])
                plane[y][x] = max(result, 0) if layer.find(Relu) else result
        if pool is not None:
            plane = [[saturate(round_shift(sum(map(sum, plane)), pool.shift))]]
        output.append(plane)
    return output
