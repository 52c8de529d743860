"""From a trained `QuantizedNet` to the integers of `golden.graph.network.Network`."""

import copy

import numpy as np
import torch

from golden.compress.fold import coefficient_array, real_columns
from golden.compress.pooled import PooledLayer, Pooling
from golden.compress.quantized import QuantizedNet
from golden.compress.quantized_layer import QuantizedLayer
from golden.compress.shifts import LARGEST_TERM
from golden.graph.floats import FloatGraph, FloatLayer
from golden.graph.network import Feature, Layer, Network
from golden.graph.operations.average_pool import FloatAveragePool
from golden.graph.operations.convolution import Convolution, FloatConvolution
from golden.graph.operations.gate import FloatGate, Gate
from golden.graph.operations.integers import IntegerOperation
from golden.graph.operations.max_pool import MaxPool
from golden.graph.operations.requantise import Requantise
from golden.graph.operations.uneven_pool import FloatUnevenPool, UnevenPool
from golden.graph.operations.weights import Factored, Plain
from golden.spec import formats
from golden.spec.errors import UnsupportedError
from golden.spec.memories import Fold


def to_network(net: QuantizedNet) -> Network:
    """The integer network. Its tensors equal those of the module's integer mode in float64."""
    exact = copy.deepcopy(net).double().eval()
    graph = exact.graph
    scales = exact.scales()
    with torch.no_grad():
        found = [_layers(module, scales) for module in exact.stages]
    return _network(graph, [it for layers in found for it in layers], scales)


def skeleton(graph: FloatGraph) -> Network:
    """The layers and shapes of a network without its numbers."""
    nothing = np.zeros(0, np.int64)
    layers = []
    for layer in graph.layers:
        epilogue = (Requantise(nothing, nothing), *(it.blank() for it in layer.behind))
        if isinstance(layer.product, FloatConvolution):
            product = _product(layer.product, Plain(nothing, nothing))
            layers.append(Layer(layer.path, layer.input, layer.output, product, epilogue))
        else:
            layers += _pools(layer, layer.product, epilogue)
    return _network(graph, layers, dict.fromkeys(graph.shapes, 1.0))


def _network(graph: FloatGraph, layers: list[Layer], scales: dict[str, float]) -> Network:
    """The network of these layers, with the features between passes of one pooling."""
    features = {name: Feature(name, shape, scales[name]) for name, shape in graph.shapes.items()}
    for layer in layers:
        if layer.output not in features:
            source = features[layer.input]
            features[layer.output] = Feature(layer.output, layer.product.shape(source.shape), source.scale)
    return Network(features, tuple(layers), graph.input, graph.outputs, graph.joined)


def _layers(module: QuantizedLayer | PooledLayer, scales: dict[str, float]) -> list[Layer]:
    if isinstance(module, QuantizedLayer):
        return [_layer(module, scales)]
    nothing = np.zeros(module.product.channels, np.int64)
    epilogue = (
        Requantise(nothing, nothing + module.shift),
        *(it.integers() for it in module.epilogue),
    )
    return _pools(module.layer, module.product, epilogue)


def _pools(layer: FloatLayer, product: Pooling, epilogue: tuple[IntegerOperation, ...]) -> list[Layer]:
    """The passes of a pooling; the last one has the epilogue."""
    channels = product.channels
    if isinstance(product, FloatAveragePool):
        ones = np.ones((channels, 1, *product.window.kernel, 1), np.int64)
        weights = Factored(Fold.GROUP, ones, ones == 1, np.ones((channels, 1, 1), np.int64))
        sums = Convolution(channels, product.window, weights, channels)
        return [Layer(layer.path, layer.input, layer.output, sums, epilogue)]
    if isinstance(product, FloatUnevenPool):
        uneven = UnevenPool(channels, product.window, product.factors)
        return [Layer(layer.path, layer.input, layer.output, uneven, epilogue)]
    if isinstance(product, FloatGate):
        gate = Gate(channels, product.gate)
        return [Layer(layer.path, layer.input, layer.output, gate, epilogue)]
    nothing = np.zeros(channels, np.int64)
    layers, source, windows = [], layer.input, product.passes()
    for number, window in enumerate(windows[:-1], 1):
        path = f"{layer.path} pass {number}"
        layers.append(Layer(path, source, path, MaxPool(channels, window), (Requantise(nothing, nothing),)))
        source = path
    return [*layers, Layer(layer.path, source, layer.output, MaxPool(channels, windows[-1]), epilogue)]


def _layer(module: QuantizedLayer, scales: dict[str, float]) -> Layer:
    layer, grids = module.layer, module.grids
    weights, terms, bias, shift = module.integers(scales[layer.input])
    each = weights / terms[:, None, None, None] if module.plain else terms
    half = 1 << (formats.BIAS_BITS - 1)
    _demand(module, "a weight" if module.plain else "a basis term", each, -LARGEST_TERM, LARGEST_TERM)
    _demand(module, "the bias", bias, -half, half - 1)
    return Layer(
        path=layer.path,
        input=layer.input,
        output=layer.output,
        product=_product(module.product, _weights(module, weights, terms)),
        epilogue=(Requantise(_whole(bias), _whole(shift)), *(it.integers() for it in grids.epilogue)),
    )


def _product(product: FloatConvolution, weights: Factored | Plain) -> Convolution:
    return Convolution(len(product.weight), product.window, weights, product.groups)


def _weights(module: QuantizedLayer, weights: torch.Tensor, terms: torch.Tensor) -> Factored | Plain:
    if module.plain:
        return Plain(_whole(weights / terms[:, None, None, None]), _whole(terms))
    plan, shape = module.plan, module.shape
    coefficients = module.coefficients()
    # Rows and columns of the last basis beyond the last filter belong to nobody.
    real = real_columns(len(terms), plan, shape[0])
    terms = terms * real[:, :, None] * real[:, None]
    return Factored(
        fold=Fold.COLUMN if plan.kind == "column" else Fold.GROUP,
        coefficients=_whole(coefficient_array(coefficients, plan, shape)),
        mask=coefficient_array(module.mask, plan, shape).numpy(),
        basis=_whole(terms),
    )


def _demand(module: QuantizedLayer, what: str, values: torch.Tensor, low: int, high: int) -> None:
    """Raises UnsupportedError naming layer and channel where an integer is out of its range, or none."""
    wrong = ~((values >= low) & (values <= high))
    if wrong.any():
        place = torch.nonzero(wrong)[0].tolist()
        channel = place[0]
        if not module.plain and module.plan.kind != "column" and values.ndim > 1:
            # Filter j of a group is column j of its basis.
            channel = place[0] * module.plan.size + place[2]
        raise UnsupportedError(
            f"{module.layer.path}: channel {channel}: {what} is {float(values[wrong][0]):.6g} in the "
            f"integers of a result with steps of 2**{module.grids.result}; supported: {low}…{high}"
        )


def _whole(values: torch.Tensor) -> np.ndarray:
    return values.round().to(torch.int64).numpy()
