"""Average pooling whose windows have divisors of their own, as at the edges where padding does not count.

Windows of one divisor are a class. Each kernel position has a row for each class, whose mask leaves out the
windows of the others, and all rows of a class have one factor, so that every sum comes out multiplied by what
all divisors divide, and one shift rounds it. The tap memory tells classes apart; no hardware knows of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from golden.graph.operations.channelwise import Channelwise
from golden.graph.operations.integers import Int8, Int64, Problem, Shape, range_problems, shape_problems
from golden.graph.operations.window import Window
from golden.numerics.late import torch
from golden.spec.memories import MAX_TAPS

LARGEST = 4000
"""Of the common multiples: sums of int8 times it fit the narrowest accumulators of the presets."""

CLOSE = 1 / 254
"""Half a step of the largest int8: more a factor may not be from the quotient that it stands for."""


@dataclass(frozen=True)
class UnevenPool(Channelwise):
    """A product that takes the sum of each window times the factor of that window.

    Parameters
    ----------
    filters: channels.
    window: padded with zeros.
    factors: of the windows, 1…`LARGEST`, (OH, OW).
    """

    filters: int
    window: Window
    factors: Int64

    called = "average pooling"

    @property
    def classes(self) -> list[int]:
        """The factors that there are."""
        found: list[int] = np.unique(self.factors).tolist()
        return found

    def run(self, images: Int8) -> Int64:
        """Int8 (N, C, H, W) → int64 (N, C, OH, OW)."""
        return self.window.seen(images, 0).sum(axis=(2, 3), dtype=np.int64) * self.factors

    def problems(self, shape: Shape) -> Iterator[Problem]:
        """What no configuration can run, for an input of `shape`."""
        yield from super().problems(shape)
        yield from shape_problems("factors", self.factors, self.window.size(*shape[1:]))
        yield from range_problems("factors", self.factors, 1, LARGEST)
        rows = len(self.classes) * self.kernel[0] * self.kernel[1]
        if rows > MAX_TAPS:
            yield (
                f"average pooling over {self.kernel} with {len(self.classes)} divisors",
                f"kernel positions × divisors up to {MAX_TAPS}",
            )


@dataclass(frozen=True)
class FloatUnevenPool:
    """The mean of each window, of what counts of it.

    Parameters
    ----------
    channels: of the input.
    window: padded with zeros.
    rows, columns: how many count of each row of windows, and of each column of windows; a window's divisor
        is the product.
    """

    channels: int
    window: Window
    rows: tuple[int, ...]
    columns: tuple[int, ...]

    @property
    def divisors(self) -> Int64:
        """Of the windows, (OH, OW)."""
        return np.outer(self.rows, self.columns)

    @property
    def count(self) -> int:
        """What the sums are divided by."""
        return common_multiple(tuple(np.unique(self.divisors).tolist()))

    @property
    def factors(self) -> Int64:
        """Of the sums, (OH, OW): the nearest to `count` ÷ divisor."""
        return np.rint(self.count / self.divisors).astype(np.int64)

    def run(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) → (N, C, H', W')."""
        return self._plain(x) / torch.from_numpy(self.divisors).to(x.dtype)

    def sums(self, x: torch.Tensor) -> torch.Tensor:
        """The same before the division by `count`."""
        return self._plain(x) * torch.from_numpy(self.factors).to(x.dtype)

    def problems(self) -> Iterator[Problem]:
        """What no layer can be made of."""
        if self.divisors.min() < 1:
            yield (
                "average pooling with a window that sees padding alone",
                "less padding than the window is wide",
            )
        elif distance(self.count, np.unique(self.divisors)) > CLOSE:
            yield (
                f"average pooling over {self.window.kernel} with {len(np.unique(self.divisors))} divisors",
                f"divisors with a common multiple up to {LARGEST}, or nearly one: smaller windows, or "
                "padding that counts",
            )

    def _plain(self, x: torch.Tensor) -> torch.Tensor:
        ones = torch.ones(self.channels, 1, *self.window.kernel, dtype=x.dtype)
        return self.window.convolve(x, ones, groups=self.channels)


@cache
def common_multiple(divisors: tuple[int, ...]) -> int:
    """The number up to `LARGEST` whose quotients are nearest to whole numbers, the smallest of equal ones."""
    found = np.arange(1, LARGEST + 1)
    return int(found[np.argmin([distance(int(it), np.array(divisors)) for it in found])])


def distance(multiple: int, divisors: Int64) -> float:
    """How far the whole quotients are from the real ones at most, as a share of these."""
    quotients = multiple / divisors
    return float(np.abs(np.maximum(np.rint(quotients), 1) / quotients - 1).max())
