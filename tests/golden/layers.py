"""Integer layers from the numbers of their operations, for tests."""

from dataclasses import fields
from types import SimpleNamespace
from typing import Any

import numpy as np

from golden.graph.network import Layer, Product
from golden.graph.operations.add import Add
from golden.graph.operations.convolution import Convolution
from golden.graph.operations.global_mean import GlobalMean
from golden.graph.operations.integers import IntegerOperation
from golden.graph.operations.max_pool import MaxPool
from golden.graph.operations.relu import Relu
from golden.graph.operations.requantise import Requantise
from golden.graph.operations.uneven_pool import UnevenPool
from golden.graph.operations.weights import Factored, Plain
from golden.graph.operations.window import Window


def make_layer(
    path: str,
    input: str,
    output: str,
    filters: int,
    kernel: tuple[int, int],
    stride: int | tuple[int, int],
    padding: int | tuple[int, int, int, int],
    weights: Factored | Plain | None,
    bias: np.ndarray,
    shift: np.ndarray,
    relu: bool = False,
    residual: Add | None = None,
    pool: int | None = None,
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
    enlarge: tuple[int, int] = (1, 1),
    factors: np.ndarray | None = None,
) -> Layer:
    """A convolution with its requantisation and what else is given; `pool` is the shift of the pooled sum.

    Without weights, max pooling, or with factors average pooling.

    One number for the stride is that of both directions, one for the padding that of all sides.
    """
    stride = (stride, stride) if isinstance(stride, int) else stride
    padding = (padding,) * 4 if isinstance(padding, int) else padding
    epilogue: list[IntegerOperation] = [Requantise(bias, shift)]
    epilogue += [residual] if residual is not None else []
    epilogue += [Relu()] if relu else []
    epilogue += [GlobalMean(pool)] if pool is not None else []
    window = Window(kernel, stride, padding, dilation, enlarge)
    product: Product = MaxPool(filters, window) if factors is None else UnevenPool(filters, window, factors)
    if weights is not None:
        product = Convolution(filters, window, weights, groups)
    return Layer(path, input, output, product, tuple(epilogue))


def numbers(layer: Layer) -> SimpleNamespace:
    """The parameters that `make_layer` makes a layer of."""
    pooled = layer.find(GlobalMean)
    return SimpleNamespace(
        path=layer.path,
        input=layer.input,
        output=layer.output,
        filters=layer.product.filters,
        weights=layer.product.weights if isinstance(layer.product, Convolution) else None,
        groups=layer.product.groups,
        factors=layer.product.factors if isinstance(layer.product, UnevenPool) else None,
        **{field.name: getattr(layer.product.window, field.name) for field in fields(Window)},
        bias=layer.requantise.bias,
        shift=layer.requantise.shift,
        relu=layer.find(Relu) is not None,
        residual=layer.find(Add),
        pool=None if pooled is None else pooled.shift,
    )


def altered(layer: Layer, **changes: Any) -> Layer:
    """A layer with some parameters of `make_layer` changed."""
    return make_layer(**{**vars(numbers(layer)), **changes})
