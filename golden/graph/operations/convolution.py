"""Convolution: exact sums of weights times int8 pixels, zeros around the map."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from golden.graph.operations.integers import Int8, Int64, Problem, Shape
from golden.graph.operations.operation import Operation
from golden.graph.operations.weights import Factored, Plain, rebuild, weight_problems
from golden.spec.memories import MAX_CHANNELS, MAX_TAPS

_BATCH_BYTES = 1 << 27
"""Largest unfolded input of one convolution call: keeps memory flat for any number of images."""


@dataclass(frozen=True)
class Convolution:
    """The product that a layer begins with; a fully connected one's kernel covers its whole input map.

    Parameters
    ----------
    filters, kernel (height, width), stride, padding: as in torch.nn.Conv2d; zero padding.
    """

    filters: int
    kernel: tuple[int, int]
    stride: int
    padding: int
    weights: Factored | Plain

    def shape(self, shape: Shape) -> Shape:
        """(filters, height, width) of the map for an input of `shape`."""
        _, height, width = shape
        return (
            self.filters,
            (height + 2 * self.padding - self.kernel[0]) // self.stride + 1,
            (width + 2 * self.padding - self.kernel[1]) // self.stride + 1,
        )

    def run(self, images: Int8) -> Int64:
        """Σ W·x: int8 (N, C, H, W) → int64 (N, M, OH, OW)."""
        return convolve(images, rebuild(self.weights, self.filters), self.stride, self.padding)

    def window_problems(self, shape: Shape) -> Iterator[Problem]:
        """What leaves no map at all, for an input of `shape`."""
        if self.stride < 1 or self.padding < 0:
            yield f"stride {self.stride}, padding {self.padding}", "stride ≥ 1, padding ≥ 0"
        elif min(self.kernel) < 1:
            yield f"kernel {self.kernel}", f"1…{MAX_TAPS} kernel positions"
        elif min((found := self.shape(shape))[1:]) < 1:
            yield f"an empty output map {found[1:]}", "a kernel that fits the padded input"

    def problems(self, shape: Shape) -> Iterator[Problem]:
        """What no configuration can run, for an input of `shape`."""
        for what, value in (("filters", self.filters), ("input channels", shape[0])):
            if not 1 <= value <= MAX_CHANNELS:
                yield f"{value} {what}", f"1…{MAX_CHANNELS}"
        if self.kernel[0] * self.kernel[1] > MAX_TAPS:
            yield f"kernel {self.kernel}", f"1…{MAX_TAPS} kernel positions"
        yield from weight_problems(self.weights, (self.filters, shape[0], *self.kernel))


@dataclass(frozen=True)
class FloatConvolution:
    """The product of an imported layer.

    Parameters
    ----------
    weight: float32 (M, C, KH, KW); a linear layer's kernel covers its whole input map.
    bias: float32 (M,), zeros if the module has none.
    stride, padding: as in torch.nn.Conv2d, equal in both directions.
    """

    weight: torch.Tensor
    bias: torch.Tensor
    stride: int
    padding: int

    def run(self, x: torch.Tensor) -> torch.Tensor:
        """The convolution with its bias: (N, C, H, W) → (N, M, H', W')."""
        return nn.functional.conv2d(x, self.weight, self.bias, self.stride, self.padding)


def convolve(images: Int8, weights: Int64, stride: int, padding: int) -> Int64:
    """Exact Σ W·x: int8 (N, C, H, W), int64 (M, C, KH, KW) → int64 (N, M, OH, OW).

    Runs in float64, where integers below 2**53 are exact; raises OverflowError if a sum could be
    larger.
    """
    bound = int(np.abs(weights).sum(axis=(1, 2, 3)).max(initial=0)) * 128
    if bound >= 1 << 53:
        raise OverflowError(f"a sum may reach {bound}, which float64 does not hold exactly")
    kernel = torch.from_numpy(weights.astype(np.float64))
    fields = weights[0].size * images.shape[2] * images.shape[3] * 8
    batch = max(1, _BATCH_BYTES // fields)
    parts = []
    for start in range(0, len(images), batch):
        part = torch.from_numpy(images[start : start + batch].astype(np.float64))
        with torch.no_grad():
            sums = nn.functional.conv2d(part, kernel, stride=stride, padding=padding)
        parts.append(sums.numpy().astype(np.int64))
    return np.concatenate(parts)


def even_padding(module: nn.Conv2d) -> int | None:
    """Zeros on each side of the map, or None where the sides differ."""
    if module.padding == "valid":
        return 0
    zeros = [size - 1 for size in module.kernel_size]
    if module.padding != "same":
        zeros = [2 * int(side) for side in module.padding]
    return zeros[0] // 2 if zeros[0] == zeros[1] and zeros[0] % 2 == 0 else None


def _check(module: Any) -> Iterator[Problem]:
    if even_padding(module) is None:
        yield f"Conv2d with padding = {module.padding!r}", "equal paddings on all sides"
    for name, legal in (("groups", 1), ("dilation", (1, 1)), ("padding_mode", "zeros")):
        if (value := getattr(module, name)) != legal:
            yield f"Conv2d with {name} = {value!r}", f"{name} = {legal!r}"
    if module.stride[0] != module.stride[1]:
        yield f"Conv2d with stride = {module.stride}", "equal strides"


def product_of(module: Any, kernel: Shape, stride: int, padding: int) -> FloatConvolution:
    """The product of a module with a weight and perhaps a bias; `kernel`: (C, KH, KW)."""
    weight = module.weight.detach().clone()
    bias = torch.zeros(len(weight)) if module.bias is None else module.bias.detach().clone()
    return FloatConvolution(weight.reshape(len(weight), *kernel), bias, stride, padding)


def _imported(module: Any, _: Shape) -> FloatConvolution:
    _, channels, height, width = module.weight.shape
    return product_of(module, (channels, height, width), module.stride[0], even_padding(module) or 0)


CONVOLUTION = Operation(
    name="convolution",
    called="Conv2d",
    says="sums of weights times pixels",
    torch=(nn.Conv2d,),
    limits=(
        f"one group, dilation 1, padding with zeros, the same stride and padding in both directions; up to "
        f"{MAX_CHANNELS} channels and filters, up to {MAX_TAPS} kernel positions; the map is ⌈width ÷ "
        "stride⌉ pixels wide, or the kernel covers the input, or rows fill whole words of lanes"
    ),
    cost="an instruction; an engine's cycle for each kept coefficient and word of pixels",
    convolution=_imported,
    check=_check,
)
