"""Integer layers from the numbers of their operations, for tests."""

from dataclasses import fields
from types import SimpleNamespace
from typing import Any

import numpy as np

from golden.graph.network import Layer
from golden.graph.operations.add import Add
from golden.graph.operations.convolution import Convolution
from golden.graph.operations.global_mean import GlobalMean
from golden.graph.operations.integers import IntegerOperation
from golden.graph.operations.relu import Relu
from golden.graph.operations.requantise import Requantise
from golden.graph.operations.weights import Factored, Plain


def make_layer(
    path: str,
    input: str,
    output: str,
    filters: int,
    kernel: tuple[int, int],
    stride: int,
    padding: int,
    weights: Factored | Plain,
    bias: np.ndarray,
    shift: np.ndarray,
    relu: bool = False,
    residual: Add | None = None,
    pool: int | None = None,
) -> Layer:
    """A convolution with its requantisation and what else is given; `pool` is the shift of the pooled sum."""
    epilogue: list[IntegerOperation] = [Requantise(bias, shift)]
    epilogue += [residual] if residual is not None else []
    epilogue += [Relu()] if relu else []
    epilogue += [GlobalMean(pool)] if pool is not None else []
    return Layer(path, input, output, Convolution(filters, kernel, stride, padding, weights), tuple(epilogue))


def numbers(layer: Layer) -> SimpleNamespace:
    """The parameters that `make_layer` makes a layer of."""
    pooled = layer.find(GlobalMean)
    return SimpleNamespace(
        path=layer.path,
        input=layer.input,
        output=layer.output,
        **{field.name: getattr(layer.product, field.name) for field in fields(Convolution)},
        bias=layer.requantise.bias,
        shift=layer.requantise.shift,
        relu=layer.find(Relu) is not None,
        residual=layer.find(Add),
        pool=None if pooled is None else pooled.shift,
    )


def altered(layer: Layer, **changes: Any) -> Layer:
    """A layer with some parameters of `make_layer` changed."""
    return make_layer(**{**vars(numbers(layer)), **changes})
