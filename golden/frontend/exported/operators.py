"""The operators of exported torch programs (ATen) as torch layers and functions."""

import operator
from collections.abc import Callable
from typing import Any

import torch
import torch.fx
from torch import nn

from golden.frontend.builder import Builder, NodeProblem
from golden.frontend.layers import batch_norm, convolution, linear


class Call:
    """An operator's node in hand: where it goes, and by what name."""

    def __init__(self, builder: Builder, path: str, said: str) -> None:
        self.builder = builder
        self.path = path
        self.said = said

    def layer(self, layer: nn.Module, *inputs: torch.fx.Node) -> torch.fx.Node:
        """A layer with the node's name."""
        return self.builder.layer(self.path, self.said, layer, *inputs)

    def call(self, function: Any, *args: Any, **named: Any) -> torch.fx.Node:
        """A function with the node's name; tensors that are no nodes become constants."""
        args = tuple(self.builder.constant(it) if isinstance(it, torch.Tensor) else it for it in args)
        return self.builder.call(self.path, self.said, function, *args, **named)

    def weights(self, *values: Any) -> None:
        """Raises NodeProblem if one of these follows from the images."""
        if any(isinstance(it, torch.fx.Node) for it in values):
            raise NodeProblem(
                f"{self.said} whose weights follow from the images", "weights of the program's own"
            )


def _conv(
    call: Call,
    value: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> torch.fx.Node:
    call.weights(weight, bias)
    stride, padding, dilation = (
        it if isinstance(it, str) or not isinstance(it, list | tuple) else tuple(it)
        for it in (stride, padding, dilation)
    )
    return call.layer(convolution(weight, bias, stride, padding, dilation, groups), value)


def _convolution(
    call: Call,
    value: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    _: Any,
    groups: int,
) -> torch.fx.Node:
    if transposed:
        raise NodeProblem("a transposed convolution")
    return _conv(call, value, weight, bias, stride, padding, dilation, groups)


def _linear(call: Call, value: Any, weight: Any, bias: Any = None) -> torch.fx.Node:
    call.weights(weight, bias)
    return call.layer(linear(weight, bias), value)


def _addmm(call: Call, bias: Any, value: Any, weight: Any) -> torch.fx.Node:
    call.weights(weight, bias)
    return call.layer(linear(weight.T.contiguous(), bias.expand(weight.shape[1])), value)


def _mm(call: Call, value: Any, weight: Any) -> torch.fx.Node:
    call.weights(weight)
    if weight.ndim != 2:
        raise NodeProblem(f"{call.said} with weights of shape {tuple(weight.shape)}", "two axes")
    return call.layer(linear(weight.T.contiguous(), None), value)


def _norm(
    call: Call,
    value: Any,
    weight: Any,
    bias: Any,
    mean: Any,
    variance: Any,
    training: bool = False,
    _: Any = None,
    eps: float = 1e-5,
    *__: Any,
) -> torch.fx.Node:
    call.weights(weight, bias, mean, variance)
    if training or mean is None:
        raise NodeProblem(
            "a batch norm of the batch's own statistics", "running statistics, so export in eval mode"
        )
    rank = len(call.builder.shape(value))
    return call.layer(batch_norm(mean, variance, weight, bias, eps, rank), value)


def _norm_legit(
    call: Call, value: Any, weight: Any, bias: Any, mean: Any, variance: Any, momentum: Any, eps: float
) -> torch.fx.Node:
    return _norm(call, value, weight, bias, mean, variance, False, momentum, eps)


def _same(_: Call, value: Any, *__: Any, **___: Any) -> Any:
    return value


def _dropout(call: Call, value: Any, _: Any, training: bool) -> Any:
    if training:
        raise NodeProblem("a dropout in training mode", "a program exported in eval mode")
    return value


def _cast(_: Call, value: Any, *args: Any, **named: Any) -> Any:
    kinds = {it for it in (*args, *named.values()) if isinstance(it, torch.dtype)} - {torch.float32}
    if kinds:
        raise NodeProblem(f"a change to {kinds.pop()}", "float32 throughout")
    return value


def _function(function: Any) -> Callable[..., torch.fx.Node]:
    return lambda call, *args, **named: call.call(function, *args, **named)


def _arithmetic(plain: Any, general: Any) -> Callable[..., torch.fx.Node]:
    """A sum or product; in the general way only where it has more to say than two operands."""

    def make(call: Call, *args: Any, **named: Any) -> torch.fx.Node:
        rest = {name: it for name, it in named.items() if (name, it) != ("alpha", 1)}
        return call.call(general if rest else plain, *args, **rest)

    return make


def _mean(call: Call, value: Any, dims: Any, keep: bool = False, **_: Any) -> torch.fx.Node:
    return call.call(torch.mean, value, tuple(dims), keep)


def _module(kind: Any) -> Callable[..., torch.fx.Node]:
    """A layer without weights, whose numbers come in its own order."""

    def make(call: Call, value: Any, *args: Any, **named: Any) -> torch.fx.Node:
        numbers = (tuple(it) if isinstance(it, list | tuple) else it for it in args)
        return call.layer(kind(*numbers, **named), value)

    return make


def _max_pool(
    call: Call,
    value: Any,
    window: Any,
    stride: Any = (),
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> torch.fx.Node:
    numbers = [
        tuple(it) if isinstance(it, list | tuple) else it for it in (window, stride, padding, dilation)
    ]
    kind: Any = nn.MaxPool2d if len(call.builder.shape(value)) == 4 else nn.MaxPool1d
    return call.layer(kind(numbers[0], numbers[1] or None, *numbers[2:], ceil_mode=ceil_mode), value)


def _reshape(call: Call, value: Any, shape: Any) -> torch.fx.Node:
    return call.builder.reshaped(call.path, call.said, value, shape)


def _flatten(call: Call, value: Any, start: int = 0, end: int = -1) -> torch.fx.Node:
    whole = torch.flatten(call.builder.values[value], start, end).shape
    return _reshape(call, value, tuple(whole))


def _squeeze(call: Call, value: Any, dims: Any = None) -> torch.fx.Node:
    shape = call.builder.shape(value)
    dims = range(1, len(shape)) if dims is None else [dims] if isinstance(dims, int) else dims
    gone = {it % len(shape) for it in dims if shape[it] == 1}
    return _reshape(call, value, [it for axis, it in enumerate(shape) if axis not in gone])


def _unsqueeze(call: Call, value: Any, dim: int) -> torch.fx.Node:
    return _reshape(call, value, tuple(call.builder.values[value].unsqueeze(dim).shape))


def _pad(call: Call, value: Any, pads: Any, *rest: Any) -> torch.fx.Node:
    mode = [it for it in rest if isinstance(it, str)] or ["constant"]
    filler = [it for it in rest if isinstance(it, int | float)] or [0]
    return call.call(nn.functional.pad, value, tuple(pads), mode[0], filler[0])


def _upsample(call: Call, value: Any, size: Any, scales: Any) -> torch.fx.Node:
    factors = None if scales is None else tuple(scales)
    return call.layer(nn.Upsample(None if factors else tuple(size), factors, "nearest"), value)


OPERATORS: dict[str, Callable[..., Any]] = {
    "_adaptive_avg_pool2d": _module(nn.AdaptiveAvgPool2d),
    "_native_batch_norm_legit_no_training": _norm_legit,
    "_softmax": lambda call, value, dim, _=False: call.layer(nn.Softmax(dim), value),
    "_to_copy": _cast,
    "_unsafe_view": _reshape,
    "adaptive_avg_pool1d": _module(nn.AdaptiveAvgPool1d),
    "adaptive_avg_pool2d": _module(nn.AdaptiveAvgPool2d),
    "add": _arithmetic(operator.add, torch.add),
    "addmm": _addmm,
    "alias": _same,
    "avg_pool1d": _module(nn.AvgPool1d),
    "avg_pool2d": _module(nn.AvgPool2d),
    "batch_norm": _norm,
    "cat": lambda call, values, dim=0: call.builder.call(call.path, call.said, torch.cat, list(values), dim),
    "clamp": _function(torch.clamp),
    "clone": _same,
    "constant_pad_nd": _pad,
    "contiguous": _same,
    "conv1d": _conv,
    "conv2d": _conv,
    "convolution": _convolution,
    "detach": _same,
    "div": _arithmetic(operator.truediv, torch.div),
    "dropout": _dropout,
    "feature_dropout": _dropout,
    "flatten": _flatten,
    "hardsigmoid": _module(nn.Hardsigmoid),
    "hardswish": _module(nn.Hardswish),
    "hardtanh": lambda call, value, low=-1, high=1: call.layer(
        nn.ReLU6() if (low, high) == (0, 6) else nn.Hardtanh(low, high), value
    ),
    "leaky_relu": _module(nn.LeakyReLU),
    "linear": _linear,
    "matmul": _mm,
    "max_pool1d": _max_pool,
    "max_pool2d": _max_pool,
    "max_pool2d_with_indices": _max_pool,
    "mean": _mean,
    "mm": _mm,
    "mul": _arithmetic(operator.mul, torch.mul),
    "pad": _pad,
    "permute": lambda call, value, dims: call.call(torch.permute, value, tuple(dims)),
    "relu": _function(torch.relu),
    "relu6": _module(nn.ReLU6),
    "reshape": _reshape,
    "sigmoid": _module(nn.Sigmoid),
    "silu": _module(nn.SiLU),
    "softmax": lambda call, value, dim, _=None: call.layer(nn.Softmax(dim), value),
    "squeeze": _squeeze,
    "sub": _arithmetic(operator.sub, torch.sub),
    "to": _cast,
    "transpose": _function(torch.transpose),
    "unsqueeze": _unsqueeze,
    "upsample_nearest1d": _upsample,
    "upsample_nearest2d": _upsample,
    "view": _reshape,
}
"""Name of an operator, without overload → what makes its value. One in place counts as the one that is not:
torch.export gives its result to all who come after it."""
