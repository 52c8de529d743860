"""Convolution: exact sums of weights times int8 pixels, zeros around the map."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from golden.graph.operations.integers import Int8, Int64, Problem, Shape
from golden.graph.operations.operation import Operation
from golden.graph.operations.weights import Factored, Plain, rebuild, weight_problems
from golden.graph.operations.window import MAX_STRIDE, Window
from golden.numerics.late import nn, torch
from golden.spec.memories import MAX_CHANNELS, MAX_TAPS

_BATCH_BYTES = 1 << 27
"""Largest unfolded input of one convolution call: keeps memory flat for any number of images."""


@dataclass(frozen=True)
class Convolution:
    """The product that a layer begins with; a fully connected one's kernel covers its whole input map.

    Parameters
    ----------
    filters: M.
    window: padded with zeros.
    weights: of shape (M, C ÷ groups, KH, KW).
    groups: of filters and channels; a group of filters sees its own group of channels only. As many as there
        are channels: a depthwise convolution.
    """

    filters: int
    window: Window
    weights: Factored | Plain
    groups: int = 1

    @property
    def kernel(self) -> tuple[int, int]:
        """(height, width)."""
        return self.window.kernel

    @property
    def group_channels(self) -> int:
        """Channels that a filter sees."""
        weights = self.weights
        kept = weights.weights if isinstance(weights, Plain) else weights.coefficients
        return int(kept.shape[1])

    def shape(self, shape: Shape) -> Shape:
        """(filters, height, width) of the map for an input of `shape`."""
        return (self.filters, *self.window.size(*shape[1:]))

    def run(self, images: Int8) -> Int64:
        """Σ W·x: int8 (N, C, H, W) → int64 (N, M, OH, OW)."""
        return convolve(images, rebuild(self.weights, self.filters), self.window, self.groups)

    def window_problems(self, shape: Shape) -> Iterator[Problem]:
        """What leaves no map at all, for an input of `shape`."""
        yield from self.window.problems(*shape[1:])

    def problems(self, shape: Shape) -> Iterator[Problem]:
        """What no configuration can run, for an input of `shape`."""
        for what, value in (("filters", self.filters), ("input channels", shape[0])):
            if not 1 <= value <= MAX_CHANNELS:
                yield f"{value} {what}", f"1…{MAX_CHANNELS}"
        if self.kernel[0] * self.kernel[1] > MAX_TAPS:
            yield f"kernel {self.kernel}", f"1…{MAX_TAPS} kernel positions"
        yield from self.window.stride_problems()
        if self.groups < 1 or self.filters % self.groups or shape[0] % self.groups:
            yield (
                f"{self.groups} groups",
                f"a number that divides {self.filters} filters and {shape[0]} channels",
            )
            return
        yield from weight_problems(
            self.weights, (self.filters, shape[0] // self.groups, *self.kernel), self.filters // self.groups
        )


@dataclass(frozen=True)
class FloatConvolution:
    """The product of an imported layer.

    Parameters
    ----------
    weight: float32 (M, C ÷ groups, KH, KW); a linear layer's kernel covers its whole input map.
    bias: float32 (M,), zeros if the module has none.
    window: padded with zeros.
    groups: see `Convolution`.
    """

    weight: torch.Tensor
    bias: torch.Tensor
    window: Window
    groups: int = 1

    def run(self, x: torch.Tensor) -> torch.Tensor:
        """The convolution with its bias: (N, C, H, W) → (N, M, H', W')."""
        return self.window.convolve(x, self.weight, self.bias, self.groups)


def convolve(images: Int8, weights: Int64, window: Window, groups: int = 1) -> Int64:
    """Exact Σ W·x: int8 (N, C, H, W), int64 (M, C ÷ groups, KH, KW) → int64 (N, M, OH, OW).

    Runs in float64, where integers below 2**53 are exact; raises OverflowError if a sum could be
    larger.
    """
    bound = int(np.abs(weights).sum(axis=(1, 2, 3)).max(initial=0)) * 128
    if bound >= 1 << 53:
        raise OverflowError(f"a sum may reach {bound}, which float64 does not hold exactly")
    filters = weights.reshape(groups, len(weights) // groups, -1).astype(np.float64)
    size = window.size(*images.shape[2:])
    batch = max(1, _BATCH_BYTES // (groups * filters.shape[2] * size[0] * size[1] * 8))
    sums = np.empty((len(images), len(weights), *size), np.int64)
    for start in range(0, len(images), batch):
        seen = window.seen(images[start : start + batch], 0)
        for number, group in enumerate(np.split(seen, groups, axis=1)):
            fields = np.moveaxis(group, 0, -1).reshape(filters.shape[2], -1).astype(np.float64)
            found = (filters[number] @ fields).reshape(-1, *size, len(seen))
            first = number * len(found)
            sums[start : start + batch, first : first + len(found)] = np.moveaxis(found, -1, 0)
    return sums


_SIDES = "constant"
"""A padding mode that torch's own layers never have, but do."""


def with_sides(layer: nn.Module, sides: tuple[int, int, int, int]) -> None:
    """Gives a Conv2d zeros of its own on each side: (top, bottom, left, right)."""
    top, bottom, left, right = sides
    layer.padding_mode = _SIDES  # type: ignore[assignment]
    layer._reversed_padding_repeated_twice = [left, right, top, bottom]  # type: ignore[assignment]


def window_of(module: Any) -> Window:
    """The window of a Conv2d whose padding is of zeros."""
    (height, width), (down, right) = module.kernel_size, module.dilation
    padding = (0, 0, 0, 0)
    if module.padding_mode == _SIDES:
        left, right_side, top, bottom = module._reversed_padding_repeated_twice
        padding = (top, bottom, left, right_side)
    elif module.padding == "same":
        # As torch means it: the odd row and column at the bottom and on the right.
        rows, columns = down * (height - 1), right * (width - 1)
        padding = (rows // 2, rows - rows // 2, columns // 2, columns - columns // 2)
    elif module.padding != "valid":
        rows, columns = module.padding
        padding = (rows, rows, columns, columns)
    return Window((height, width), tuple(module.stride), padding, (down, right))


def _check(module: Any) -> Iterator[Problem]:
    if module.padding_mode not in ("zeros", _SIDES):
        yield f"Conv2d with padding_mode = {module.padding_mode!r}", "padding_mode = 'zeros'"
    if max(module.stride) > MAX_STRIDE:
        yield f"Conv2d with stride = {module.stride}", f"strides up to {MAX_STRIDE}"


def product_of(module: Any, kernel: Shape, window: Window, groups: int = 1) -> FloatConvolution:
    """The product of a module with a weight and perhaps a bias; `kernel`: (C ÷ groups, KH, KW)."""
    weight = module.weight.detach().clone()
    bias = torch.zeros(len(weight)) if module.bias is None else module.bias.detach().clone()
    return FloatConvolution(weight.reshape(len(weight), *kernel), bias, window, groups)


def _imported(module: Any, _: Shape) -> FloatConvolution:
    _, channels, height, width = module.weight.shape
    return product_of(module, (channels, height, width), window_of(module), module.groups)


CONVOLUTION = Operation(
    name="convolution",
    called="Conv2d and Conv1d",
    says="sums of weights times pixels",
    torch=lambda: (nn.Conv2d,),
    limits=(
        f"up to {MAX_TAPS} kernel positions, any groups (depthwise) of up to {MAX_CHANNELS} channels and "
        f"filters; strides up to {MAX_STRIDE} in each direction, any dilation; padding with zeros, of any "
        "size on each side; sequences are maps of one row"
    ),
    cost="an instruction; an engine's cycle for each kept coefficient and word of pixels",
    convolution=_imported,
    check=_check,
)
