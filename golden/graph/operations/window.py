"""Windows: where on its input each pixel of a convolution or pooling looks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from golden.graph.operations.integers import Int8, Problem
from golden.numerics.late import nn, torch
from golden.spec.memories import MAX_TAPS

MAX_STRIDE = 4
"""In each direction: maps are split into as many phases."""


@dataclass(frozen=True)
class Window:
    """A window that goes over a map; all pairs are (rows, columns).

    Parameters
    ----------
    kernel: positions.
    stride: pixels from one window to the next.
    padding: rows and columns around the map: (top, bottom, left, right).
    dilation: pixels from one position to the next.
    enlarge: each pixel of the map counts as so many rows and columns of it.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    enlarge: tuple[int, int] = (1, 1)

    @property
    def positions(self) -> list[tuple[int, int]]:
        """(row, column) of each position, counted from the first pixel of the map for the first window."""
        (height, width), (down, right) = self.kernel, self.dilation
        top, _, left, _ = self.padding
        return [(r * down - top, q * right - left) for r in range(height) for q in range(width)]

    def size(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) of the map that windows over a map give; below 1 if none fits."""
        top, bottom, left, right = self.padding
        height, width = height * self.enlarge[0], width * self.enlarge[1]
        sizes = zip(
            (height + top + bottom, width + left + right),
            self.kernel,
            self.dilation,
            self.stride,
            strict=True,
        )
        rows, columns = ((size - (k - 1) * d - 1) // s + 1 for size, k, d, s in sizes)
        return rows, columns

    def to_the_end(self, height: int, width: int) -> Window:
        """With so much padding below and on the right that no pixel is left out (torch's ceil_mode).

        A window may not begin in that padding.
        """
        padding = list(self.padding)
        for axis, size in enumerate((height, width)):
            before, after = padding[2 * axis : 2 * axis + 2]
            span = (self.kernel[axis] - 1) * self.dilation[axis] + 1
            count = -(-(size + before + after - span) // self.stride[axis]) + 1
            if (count - 1) * self.stride[axis] >= size + before:
                count -= 1
            padding[2 * axis + 1] = max(after, (count - 1) * self.stride[axis] + span - size - before)
        return replace(self, padding=(padding[0], padding[1], padding[2], padding[3]))

    def counted(
        self, height: int, width: int, around: tuple[int, int, int, int]
    ) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """How many rows of each row of windows, and columns of each column, lie on the map or on `around`.

        `around`: rows and columns beside the map that count, (top, bottom, left, right).
        """
        found = []
        for axis, (size, count) in enumerate(zip((height, width), self.size(height, width), strict=True)):
            before, after = around[2 * axis : 2 * axis + 2]
            start = np.arange(count) * self.stride[axis] - self.padding[2 * axis]
            places = start[:, None] + np.arange(self.kernel[axis]) * self.dilation[axis]
            counts = ((places >= -before) & (places < size + after)).sum(axis=1)
            found.append(tuple(int(it) for it in counts))
        return found[0], found[1]

    def problems(self, height: int, width: int) -> Iterator[Problem]:
        """What leaves no map at all, for a map of that size."""
        if min(*self.stride, *self.dilation, *self.enlarge) < 1 or min(self.padding) < 0:
            found = f"stride {self.stride}, padding {self.padding}, dilation {self.dilation}"
            yield found, "stride ≥ 1, padding ≥ 0, dilation ≥ 1"
        elif min(self.kernel) < 1:
            yield f"kernel {self.kernel}", f"1…{MAX_TAPS} kernel positions"
        elif min(size := self.size(height, width)) < 1:
            yield f"an empty output map {size}", "a kernel that fits the padded input"

    def stride_problems(self) -> Iterator[Problem]:
        """What no configuration can run."""
        if max(self.stride) > MAX_STRIDE:
            yield f"stride {self.stride}", f"1…{MAX_STRIDE} in both directions"

    def seen(self, images: Int8, value: int) -> Int8:
        """What each window sees: int8 (N, C, H, W), padded with `value` → (N, C, KH, KW, OH, OW)."""
        top, bottom, left, right = self.padding
        enlarged = images.repeat(self.enlarge[0], 2).repeat(self.enlarge[1], 3)
        padded = np.pad(enlarged, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=value)
        rows, columns = self.size(*images.shape[2:])
        batch, channel, row, column = padded.strides
        (down, right), (below, beside) = self.dilation, self.stride
        return np.lib.stride_tricks.as_strided(
            padded,
            (*images.shape[:2], *self.kernel, rows, columns),
            (batch, channel, row * down, column * right, row * below, column * beside),
            writeable=False,
        )

    def padded(self, x: torch.Tensor, value: float = 0.0) -> torch.Tensor:
        """Maps (N, C, H, W) with their padding around them."""
        top, bottom, left, right = self.padding
        return nn.functional.pad(self._enlarged(x), (left, right, top, bottom), value=value)

    def _enlarged(self, x: torch.Tensor) -> torch.Tensor:
        for axis, times in enumerate(self.enlarge, 2):
            x = x.repeat_interleave(times, axis) if times > 1 else x
        return x

    def largest(self, x: torch.Tensor) -> torch.Tensor:
        """The largest of each window of maps (N, C, H, W), padded with −∞."""
        padded = self.padded(x, -torch.inf)
        found: torch.Tensor = nn.functional.max_pool2d(
            padded, self.kernel, self.stride, dilation=self.dilation
        )
        return found

    def convolve(
        self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None, groups: int = 1
    ) -> torch.Tensor:
        """Maps (N, C, H, W), padded with zeros, with weights (M, C ÷ groups, KH, KW) as torch does it."""
        top, bottom, left, right = self.padding
        if (top, left) != (bottom, right):
            x, top, left = self.padded(x), 0, 0
        else:
            x = self._enlarged(x)
        sides = (top, left)
        return nn.functional.conv2d(x, weight, bias, self.stride, sides, self.dilation, groups)


def pair(value: Any) -> tuple[int, int]:
    """A number for both directions, or one for each, as torch's modules have it."""
    rows, columns = (value, value) if isinstance(value, int) else value
    return int(rows), int(columns)
