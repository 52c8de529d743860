"""Max pooling: the largest pixel of each window, channel by channel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from golden.graph.operations.channelwise import Channelwise
from golden.graph.operations.integers import Int8, Int64, Problem, Shape
from golden.graph.operations.operation import Operation
from golden.graph.operations.window import MAX_STRIDE, Window, pair
from golden.numerics.late import nn, torch
from golden.spec import formats

MOST = max(formats.GROUPS)
"""Positions of a window: each takes a partial sum."""


@dataclass(frozen=True)
class MaxPool(Channelwise):
    """A product that takes the largest pixel of each window.

    Parameters
    ----------
    filters: channels.
    window: padded with the lowest value.
    """

    filters: int
    window: Window

    called = "max pooling"

    def run(self, images: Int8) -> Int64:
        """Int8 (N, C, H, W) → int64 (N, C, OH, OW)."""
        return self.window.seen(images, -128).max(axis=(2, 3)).astype(np.int64)

    def problems(self, shape: Shape) -> Iterator[Problem]:
        """What no configuration can run, for an input of `shape`."""
        yield from super().problems(shape)
        if self.kernel[0] * self.kernel[1] > MOST:
            yield f"max pooling over {self.kernel}", f"up to {MOST} positions at once"


@dataclass(frozen=True)
class FloatMaxPool:
    """The largest of each window.

    Parameters
    ----------
    channels: of the input.
    window: padded with −∞.
    """

    channels: int
    window: Window

    count = 1

    def run(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) → (N, C, H', W')."""
        return self.window.largest(x)

    def passes(self) -> list[Window]:
        """Windows one after the other that the array can take at once, which together do the same."""
        return passes(self.window)


def passes(window: Window) -> list[Window]:
    """Windows of at most `MOST` positions, one after the other in place of a larger one.

    A larger one is taken apart into rows and columns, and a long row into short ones: the largest of four
    largest of neighbours is that of more pixels.
    """
    if window.kernel[0] * window.kernel[1] <= MOST:
        return [window]
    steps = [Window((1, 1), padding=window.padding)]
    for axis in range(2):
        steps += _line(window, axis)
    # The first pass pads for all.
    first, second, *rest = steps
    return [replace(second, padding=first.padding), *rest]


def _line(window: Window, axis: int) -> list[Window]:
    """The passes of the rows (0) or the columns (1) of a window."""
    size, dilation = window.kernel[axis], window.dilation[axis]
    parts, covered = [], 1
    while covered < size:
        # As many as fit side by side, or two that overlap.
        count, apart = min(MOST, size // covered), covered
        if count < 2 or ((count - 1) * apart + covered < size <= 2 * covered):
            count, apart = 2, size - covered
        parts.append((count, apart * dilation))
        covered += (count - 1) * apart
    if not parts and window.stride[axis] > 1:
        parts = [(1, 1)]
    found = []
    for number, (count, apart) in enumerate(parts):
        stride = window.stride[axis] if number == len(parts) - 1 else 1
        pairs = [(it, 1) if axis == 0 else (1, it) for it in (count, stride, apart)]
        found.append(Window(pairs[0], pairs[1], dilation=pairs[2]))
    return found


def _inner() -> tuple[Any, ...]:
    from golden.graph.operations.pooling import MaxPooling  # loads torch

    return (MaxPooling,)


def _check(module: Any) -> Iterator[Problem]:
    if not isinstance(module, nn.MaxPool2d):
        if max(stride := module.window.stride) > MAX_STRIDE:
            yield f"max pooling with stride {stride}", f"strides up to {MAX_STRIDE}"
        return
    if module.return_indices:
        yield "MaxPool2d with return_indices = True", "return_indices = False"
    if max(pair(module.stride)) > MAX_STRIDE:
        yield f"MaxPool2d with stride = {module.stride}", f"strides up to {MAX_STRIDE}"


def _imported(module: Any, shape: Shape) -> FloatMaxPool:
    if not isinstance(module, nn.MaxPool2d):
        return FloatMaxPool(shape[0], module.on(*shape[1:]))
    kernel, stride, dilation = (pair(it) for it in (module.kernel_size, module.stride, module.dilation))
    rows, columns = pair(module.padding)
    window = Window(kernel, stride, (rows, rows, columns, columns), dilation)
    return FloatMaxPool(shape[0], window.to_the_end(*shape[1:]) if module.ceil_mode else window)


MAX_POOL = Operation(
    name="max pooling",
    called="MaxPool2d and MaxPool1d",
    says="the largest pixel of each window, exactly",
    torch=lambda: (nn.MaxPool2d,),
    limits=(
        f"any window, padding and dilation; strides up to {MAX_STRIDE}; configurations that do not leave out "
        "`largest`"
    ),
    cost=(
        f"an instruction up to {MOST} positions of a window, else two or more; a cycle for each position, "
        "channel and word of pixels"
    ),
    inner=_inner,
    convolution=_imported,
    check=_check,
)
