"""The operators of ONNX as torch layers and functions. What of those LightDeal runs is not known here."""

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.fx
from torch import nn

from golden.frontend.builder import NodeProblem, Value, float_tensor
from golden.frontend.layers import batch_norm, convolution, linear
from golden.frontend.onnx import shapes
from golden.frontend.onnx.step import Step
from golden.frontend.padding import same_padding
from golden.graph.operations.pooling import AveragePooling, MaxPooling
from golden.graph.operations.window import Window

_SAME = ("SAME_UPPER", "SAME_LOWER")


def _conv(step: Step) -> Value:
    value, weight = step.value(), step.floats(1)
    bias = step.floats(2) if step.has(2) else None
    axes = weight.ndim - 2
    if axes not in (1, 2):
        raise NodeProblem(f"Conv over {axes} axes", "one or two")
    kernel = list(weight.shape[2:])
    step.demand_attribute("kernel_shape", kernel)
    strides, dilations = (step.attribute(it, [1] * axes) for it in ("strides", "dilations"))
    groups = step.attribute("group", 1)
    windows = [(size - 1) * far + 1 for size, far in zip(kernel, dilations, strict=True)]
    value, padding = _padded(step, value, windows, strides)
    layer = convolution(weight, bias, tuple(strides), padding, tuple(dilations), groups)
    return step.layer(layer, value)


def _pads(step: Step, size: Sequence[int], windows: Sequence[int], strides: Sequence[int]) -> list[int]:
    """Zeros before each axis, then those behind each."""
    auto, pads = step.attribute("auto_pad", "NOTSET"), step.attribute("pads", [0] * 2 * len(windows))
    if auto not in _SAME:
        return [0] * 2 * len(windows) if auto == "VALID" else list(pads)
    sides = [same_padding(*axis) for axis in zip(size, windows, strides, strict=True)]
    less, more = [it[0] for it in sides], [it[1] for it in sides]
    return [*less, *more] if auto == "SAME_UPPER" else [*more, *less]


def _padded(
    step: Step, value: torch.fx.Node, windows: Sequence[int], strides: Sequence[int]
) -> tuple[torch.fx.Node, tuple[int, ...]]:
    """The value to convolve and the zeros that the layer itself puts on both sides of each axis."""
    pads = _pads(step, step.shape(value)[2:], windows, strides)
    before, behind = pads[: len(windows)], pads[len(windows) :]
    if before == behind:
        return value, tuple(before)
    return step.call(nn.functional.pad, value, shapes.torch_pads(before, behind)), (0,) * len(windows)


def _gemm(step: Step) -> Value:
    weight = step.floats(1) * step.attribute("alpha", 1.0)
    bias = step.floats(2) * step.attribute("beta", 1.0) if step.has(2) else None
    step.ignore("beta")
    step.demand_attribute("transA", 0)
    weight = weight if step.attribute("transB", 0) else weight.T
    if bias is not None:
        bias = bias.expand(1, len(weight)).reshape(-1)
    return step.layer(linear(weight.contiguous(), bias), step.value())


def _matmul(step: Step) -> Value:
    weight = step.floats(1)
    if weight.ndim != 2:
        raise NodeProblem(f"MatMul with weights of shape {tuple(weight.shape)}", "two axes")
    return step.layer(linear(weight.T.contiguous(), None), step.value())


def _batch_normalization(step: Step) -> Value:
    value = step.value()
    gamma, beta, mean, variance = (step.floats(it) for it in (1, 2, 3, 4))
    step.ignore("momentum")
    step.demand_attribute("training_mode", 0)
    if variance.min() < 0:
        raise NodeProblem(f"a variance of {float(variance.min()):.3g}", "variances, not negative")
    rank = len(step.shape(value))
    return step.layer(batch_norm(mean, variance, gamma, beta, step.attribute("epsilon", 1e-5), rank), value)


def _binary(function: Callable[..., Any]) -> Callable[[Step], Value]:
    def make(step: Step) -> Value:
        operands: list[Any] = []
        for index in (0, 1):
            found = step.inputs[index]
            if isinstance(found, np.ndarray):
                values = float_tensor(found, f"{step.said}'s {step.node.input[index]!r}")
                one = values.numel() == 1
                operands.append(float(values) if one else step.builder.constant(values))
            else:
                operands.append(step.value(index))
        return step.call(function, *operands)

    return make


def _relu(step: Step) -> Value:
    return _positive(step, step.call(torch.relu, step.value()))


def _positive(step: Step, value: torch.fx.Node) -> torch.fx.Node:
    step.builder.positive.add(value)
    return value


def _clip(step: Step) -> Value:
    low, high = (float(step.floats(it)) if step.has(it) else None for it in (1, 2))
    if low == 0 and high is None:
        return _relu(step)
    if low is None or high is None:
        raise NodeProblem(f"Clip to {low}…{high}", "two bounds, or 0 below")
    layer = nn.ReLU6() if (low, high) == (0, 6) else nn.Hardtanh(low, high)
    made = step.layer(layer, step.value())
    return _positive(step, made) if low >= 0 else made


def _module(make: Callable[[Step], nn.Module], positive: bool = False) -> Callable[[Step], Value]:
    """An operator that is a layer without weights."""

    def add(step: Step) -> Value:
        value = step.value()
        made = step.layer(make(step), value)
        return _positive(step, made) if positive or value in step.builder.positive else made

    return add


def _hard_sigmoid(step: Step) -> nn.Module:
    alpha, beta = step.attribute("alpha", 0.2), step.attribute("beta", 0.5)
    if abs(alpha - 1 / 6) > 1e-6 or beta != 0.5:
        raise NodeProblem(f"HardSigmoid with alpha = {alpha:.4g}, beta = {beta:.4g}", "1/6 and 0.5")
    return nn.Hardsigmoid()


def _max_pool(step: Step) -> nn.Module:
    window, ceil = _pool(step)
    step.ignore("storage_order")
    return MaxPooling(window, ceil)


def _average_pool(step: Step) -> nn.Module:
    window, ceil = _pool(step)
    counted = bool(step.attribute("count_include_pad", 0))
    if any(window.padding) or ceil or window.dilation != (1, 1):
        return AveragePooling(window, ceil, counted)
    if len(step.shape(step.value())) == 4:
        return nn.AvgPool2d(window.kernel, window.stride)
    return nn.AvgPool1d(window.kernel[1], window.stride[1])


def _by_axes(step: Step, maps: Any, sequences: Any) -> Any:
    """The kind of layer for the value that a node takes."""
    return maps if len(step.shape(step.value())) == 4 else sequences


def _pool(step: Step) -> tuple[Window, bool]:
    """The window, of one row on sequences, and whether it may end beyond the padding."""
    kernel = step.attribute("kernel_shape")
    axes = len(kernel)
    if axes not in (1, 2):
        raise NodeProblem(f"{step.said} over {axes} axes", "one or two")
    strides, dilations = (step.attribute(it, [1] * axes) for it in ("strides", "dilations"))
    spans = [(size - 1) * far + 1 for size, far in zip(kernel, dilations, strict=True)]
    pads = _pads(step, step.shape(step.value())[2:], spans, strides)
    sides = [(pads[axis], pads[axes + axis]) for axis in range(axes)]
    (rows, columns) = sides if axes == 2 else ((0, 0), *sides)
    of_map = ([1] * (2 - axes) + list(it) for it in (kernel, strides, dilations))
    sizes, steps, apart = ((it[0], it[1]) for it in of_map)
    return Window(sizes, steps, (*rows, *columns), apart), bool(step.attribute("ceil_mode", 0))


def _reduce_mean(step: Step) -> Value:
    value = step.value()
    axes = step.integers(1) if step.has(1) else step.attribute("axes")
    keep = bool(step.attribute("keepdims", 1))
    step.demand_attribute("noop_with_empty_axes", 0)
    if not axes:
        raise NodeProblem("ReduceMean over all axes", "a mean over the map")
    made = step.call(torch.mean, value, tuple(axes), keep)
    return _positive(step, made) if value in step.builder.positive else made


def _concat(step: Step) -> Value:
    values = [step.value(index) for index in range(len(step.inputs))]
    return step.call(torch.cat, values, step.attribute("axis"))


def _resize(step: Step) -> nn.Module:
    scales = step.array(2).reshape(-1).tolist() if step.has(2) else []
    given = {
        name: step.attribute(name, default)
        for name, default in (
            ("mode", "nearest"),
            ("coordinate_transformation_mode", "half_pixel"),
            ("nearest_mode", "round_prefer_floor"),
        )
    }
    step.ignore("cubic_coeff_a", "extrapolation_value", "exclude_outside", "antialias")
    legal = given["mode"] == "nearest" and (
        (given["coordinate_transformation_mode"], given["nearest_mode"])
        in (
            ("asymmetric", "floor"),
            ("half_pixel", "round_prefer_floor"),
            ("half_pixel", "round_prefer_ceil"),
        )
    )
    if not legal or len(scales) not in (3, 4) or scales[:2] != [1, 1] or any(it % 1 for it in scales):
        raise NodeProblem(f"Resize {given} by {scales}", "nearest pixels, maps enlarged by whole numbers")
    return nn.Upsample(scale_factor=tuple(scales[2:]), mode="nearest")


def _same(step: Step) -> Value:
    return step.value()


def _dropout(step: Step) -> Value:
    step.ignore("seed")
    if step.has(2) and bool(step.array(2)):
        raise NodeProblem("Dropout in training mode", "a network for inference")
    return step.value()


def _cast(step: Step) -> Value:
    if step.attribute("to") != 1:
        raise NodeProblem("Cast of what follows from the images", "float32 throughout")
    step.ignore("saturate", "round_mode")
    return step.value()


def _softmax(step: Step) -> nn.Module:
    return nn.Softmax(step.attribute("axis", -1))


OPERATORS: dict[str, Callable[[Step], Value]] = {
    "Add": _binary(operator.add),
    "AveragePool": _module(_average_pool),
    "BatchNormalization": _batch_normalization,
    "Cast": _cast,
    "Clip": _clip,
    "Concat": _concat,
    "Conv": _conv,
    "Div": _binary(operator.truediv),
    "Dropout": _dropout,
    "Flatten": shapes.flatten,
    "Gemm": _gemm,
    "GlobalAveragePool": _module(lambda step: _by_axes(step, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool1d)(1)),
    "GlobalMaxPool": _module(lambda step: _by_axes(step, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool1d)(1)),
    "HardSigmoid": _module(_hard_sigmoid, positive=True),
    "HardSwish": _module(lambda _: nn.Hardswish()),
    "Identity": _same,
    "LeakyRelu": _module(lambda step: nn.LeakyReLU(step.attribute("alpha", 0.01))),
    "MatMul": _matmul,
    "MaxPool": _module(_max_pool),
    "Mul": _binary(operator.mul),
    "Pad": shapes.pad,
    "ReduceMean": _reduce_mean,
    "Relu": _relu,
    "Reshape": shapes.reshape,
    "Resize": _module(_resize),
    "Shape": shapes.shape,
    "Sigmoid": _module(lambda _: nn.Sigmoid(), positive=True),
    "Softmax": _module(_softmax, positive=True),
    "Squeeze": shapes.squeeze,
    "Sub": _binary(operator.sub),
    "Transpose": shapes.transpose,
    "Unsqueeze": shapes.unsqueeze,
}
"""Operators of ONNX's own domain → what makes their values."""

LEFT_TO_HOST = ("Softmax", "LogSoftmax", "ArgMax")
"""Operators at the end of a network that change nothing about which class is largest."""
