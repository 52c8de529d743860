"""The operators of TFLite as torch layers and functions, maps with channels last as the file has them."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import tflite
import torch
import torch.fx
from torch import nn

from golden.frontend.builder import NodeProblem, Value, float_tensor
from golden.frontend.layers import convolution, linear
from golden.frontend.padding import Sides, same_padding
from golden.frontend.tflite import shapes
from golden.frontend.tflite.step import Step, dequantized
from golden.graph.operations.pooling import AveragePooling, MaxPooling
from golden.graph.operations.window import Window

_ACTIVATIONS = tflite.ActivationFunctionType


def _conv(step: Step) -> Value:
    weight = step.floats(1)
    if weight.ndim != 4:
        raise NodeProblem(f"CONV_2D with weights of shape {tuple(weight.shape)}", "four axes")
    channels = step.shape(step.value())[-1]
    groups, rest = divmod(channels, weight.shape[3])
    if rest or not groups:
        found = f"CONV_2D with weights of shape {tuple(weight.shape)} on {channels} channels"
        raise NodeProblem(found, "channels that fit together")
    return _convolved(step, weight.permute(0, 3, 1, 2).contiguous(), groups)


def _depthwise(step: Step) -> Value:
    weight = step.floats(1)
    channels = step.shape(step.value())[-1]
    if weight.ndim != 4 or weight.shape[0] != 1 or weight.shape[3] % channels:
        found = f"DEPTHWISE_CONV_2D with weights of shape {tuple(weight.shape)} on {channels} channels"
        raise NodeProblem(found, "channels that fit together")
    return _convolved(step, weight.permute(3, 0, 1, 2).contiguous(), channels)


def _convolved(step: Step, weight: torch.Tensor, groups: int) -> Value:
    value = step.value()
    bias = step.floats(2) if step.has(2) else None
    strides = (step.option("StrideH", 1), step.option("StrideW", 1))
    dilations = (step.option("DilationHFactor", 1), step.option("DilationWFactor", 1))
    kernel = tuple(weight.shape[2:])
    windows = tuple((size - 1) * far + 1 for size, far in zip(kernel, dilations, strict=True))
    top, bottom, left, right = _sides(step, value, windows, strides)
    inner, padding = step.first(value), (top, left)
    if (top, left) != (bottom, right):
        inner, padding = step.call(nn.functional.pad, inner, (left, right, top, bottom)), (0, 0)
    made = step.layer(convolution(weight, bias, strides, padding, dilations, groups), inner)
    return _activated(step, step.last(made))


def _sides(step: Step, value: torch.fx.Node, windows: tuple[int, ...], strides: tuple[int, int]) -> Sides:
    """Zeros around the map."""
    if step.option("Padding") == tflite.Padding.VALID:
        return 0, 0, 0, 0
    height, width = step.shape(value)[1:3]
    top, bottom = same_padding(height, windows[0], strides[0])
    left, right = same_padding(width, windows[1], strides[1])
    return top, bottom, left, right


def _activated(step: Step, value: torch.fx.Node) -> torch.fx.Node:
    """The activation that is part of the operator."""
    kind = step.option("FusedActivationFunction")
    if kind == _ACTIVATIONS.NONE:
        return value
    if kind == _ACTIVATIONS.RELU:
        return step.positive(step.call(torch.relu, value))
    if kind == _ACTIVATIONS.RELU6:
        return step.positive(step.layer(nn.ReLU6(), value))
    if kind == _ACTIVATIONS.RELU_N1_TO_1:
        return step.layer(nn.Hardtanh(), value)
    if kind == _ACTIVATIONS.TANH:
        return step.layer(nn.Tanh(), value)
    raise NodeProblem(f"{step.said} with activation {kind}", "none, RELU, RELU6")


def _fully_connected(step: Step) -> Value:
    value, weight = step.value(), step.floats(1)
    bias = step.floats(2) if step.has(2) else None
    if step.option("WeightsFormat") or weight.ndim != 2:
        raise NodeProblem("FULLY_CONNECTED with weights in another order", "(outputs, inputs)")
    if len(step.shape(value)) != 2:
        if step.option("KeepNumDims"):
            raise NodeProblem(
                f"FULLY_CONNECTED on a tensor of shape {step.shape(value)}", "(images, features)"
            )
        value = step.builder.reshaped(step.path, step.said, value, (-1, weight.shape[1]))
    return _activated(step, step.layer(linear(weight, bias), value))


def _pool(even: type[nn.Module], padded: Callable[[Window], nn.Module]) -> Callable[[Step], Value]:
    """Pooling; `even`: without padding, `padded`: with padding of any size on each side."""

    def add(step: Step) -> Value:
        value = step.value()
        kernel = (step.option("FilterHeight", 1), step.option("FilterWidth", 1))
        strides = (step.option("StrideH", 1), step.option("StrideW", 1))
        sides = _sides(step, value, kernel, strides)
        layer = padded(Window(kernel, strides, sides)) if any(sides) else even(kernel, strides)
        made = step.last(step.layer(layer, step.first(value)))
        return _activated(step, step.kept(value, made))

    return add


def _mean(step: Step) -> Value:
    value = step.value()
    made = step.call(torch.mean, value, tuple(step.integers(1)), bool(step.option("KeepDims")))
    return step.kept(value, made)


def _binary(function: Callable[..., Any]) -> Callable[[Step], Value]:
    def add(step: Step) -> Value:
        operands: list[Any] = []
        for index in (0, 1):
            if isinstance(step.inputs[index], np.ndarray):
                values = step.floats(index)
                operands.append(float(values) if values.numel() == 1 else step.builder.constant(values))
            else:
                operands.append(step.value(index))
        return _activated(step, step.call(function, *operands))

    return add


def _module(make: Callable[[Step], nn.Module], positive: bool = False) -> Callable[[Step], Value]:
    """An operator that is a layer without weights, element by element."""

    def add(step: Step) -> Value:
        made = step.layer(make(step), step.value())
        return step.positive(made) if positive else made

    return add


def _relu(step: Step) -> Value:
    return step.positive(step.call(torch.relu, step.value()))


def _pad(step: Step) -> Value:
    value, pads = step.value(), step.array(1)
    filler = float(step.floats(2)) if step.has(2) else 0.0
    if len(step.shape(value)) != 4 or pads.shape != (4, 2) or pads[0].any() or pads[3].any():
        raise NodeProblem(f"{step.said} by {pads.tolist()}", "padding of heights and widths")
    (top, bottom), (left, right) = pads[1:3].tolist()
    made = step.call(nn.functional.pad, step.first(value), (left, right, top, bottom), "constant", filler)
    return step.last(made)


def _concatenation(step: Step) -> Value:
    values = [step.value(index) for index in range(len(step.inputs))]
    rank = len(step.shape(values[0]))
    axis = step.option("Axis") % rank
    if rank != 4:
        return _activated(step, step.call(torch.cat, values, axis))
    made = step.call(torch.cat, [step.first(it) for it in values], (0, 2, 3, 1)[axis])
    return _activated(step, step.last(made))


def _resize(step: Step) -> Value:
    value, wanted = step.value(), step.integers(1)
    sizes = step.shape(value)[1:3]
    if step.option("AlignCorners") or any(new % old for new, old in zip(wanted, sizes, strict=True)):
        found = f"{step.said} from {tuple(sizes)} to {tuple(wanted)}"
        raise NodeProblem(found, "maps enlarged by whole numbers, without align_corners")
    factors = tuple(float(new // old) for new, old in zip(wanted, sizes, strict=True))
    made = step.layer(nn.Upsample(scale_factor=factors, mode="nearest"), step.first(value))
    return step.kept(value, step.last(made))


def _same(step: Step) -> Value:
    """QUANTIZE and DEQUANTIZE: what follows from the images stays as it is, weights become floats."""
    found = step.inputs[0]
    if isinstance(found, torch.fx.Node):
        return found
    values = dequantized(step.array(0), step.tensors[0])
    return float_tensor(values.astype(np.float32), step.said).numpy()


OPERATORS: dict[str, Callable[[Step], Value]] = {
    "ADD": _binary(operator.add),
    "AVERAGE_POOL_2D": _pool(nn.AvgPool2d, AveragePooling),
    "CONCATENATION": _concatenation,
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise,
    "DEQUANTIZE": _same,
    "DIV": _binary(operator.truediv),
    "EXPAND_DIMS": shapes.expand_dims,
    "FULLY_CONNECTED": _fully_connected,
    "HARD_SWISH": _module(lambda _: nn.Hardswish()),
    "LEAKY_RELU": _module(lambda step: nn.LeakyReLU(step.option("Alpha"))),
    "LOGISTIC": _module(lambda _: nn.Sigmoid(), positive=True),
    "MAX_POOL_2D": _pool(nn.MaxPool2d, MaxPooling),
    "MEAN": _mean,
    "MUL": _binary(operator.mul),
    "PACK": shapes.pack,
    "PAD": _pad,
    "PADV2": _pad,
    "QUANTIZE": _same,
    "RELU": _relu,
    "RELU6": _module(lambda _: nn.ReLU6(), positive=True),
    "RESHAPE": shapes.reshape,
    "RESIZE_NEAREST_NEIGHBOR": _resize,
    "SHAPE": shapes.shape,
    "SOFTMAX": _module(lambda _: nn.Softmax(-1), positive=True),
    "SQUEEZE": shapes.squeeze,
    "STRIDED_SLICE": shapes.strided_slice,
    "SUB": _binary(operator.sub),
    "TANH": _module(lambda _: nn.Tanh()),
    "TRANSPOSE": shapes.transpose,
}
"""Operators → what makes their values."""

LEFT_TO_HOST = ("SOFTMAX", "LOG_SOFTMAX", "ARG_MAX")
"""Operators at the end of a network that change nothing about which class is largest."""

CHANGES_OF_TYPE = ("QUANTIZE", "DEQUANTIZE")
"""What may stand around them."""
