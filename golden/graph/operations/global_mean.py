"""Global average pooling: the mean of each channel's map, one pixel per channel."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from golden.graph.operations.average_pool import AVERAGE_POOL
from golden.graph.operations.floats import Chosen, FloatOperation, QuantizedOperation, Sample
from golden.graph.operations.integers import (
    Int8,
    Int64,
    IntegerOperation,
    Problem,
    Shape,
    Stage,
    number_problems,
)
from golden.graph.operations.operation import Operation
from golden.numerics.grids import best_grid
from golden.numerics.late import nn, torch
from golden.numerics.rounding import round_shift, saturate
from golden.spec import formats


@dataclass(frozen=True)
class GlobalMean(IntegerOperation):
    """saturate(round_shift(Σ over the map, shift)), one pixel per channel.

    The division by the number of pixels is in the scale of the result; shift 0…`formats.MAX_SUM_SHIFT`.
    """

    shift: int

    stage = Stage.POOL
    sets = ("pool", "pool_shift")
    per_pixel = False

    def shape(self, shape: Shape) -> Shape:
        """See `IntegerOperation`."""
        return shape[0], 1, 1

    def bounds(self, bounds: tuple[int, int]) -> tuple[int, int]:
        """See `IntegerOperation`."""
        low, high = bounds
        return (0 if low >= 0 else -128), (0 if high <= 0 else 127)

    def run(self, values: Int64, features: Mapping[str, Int8]) -> Int64:
        """See `IntegerOperation`."""
        return rounded(values.sum(axis=(2, 3), keepdims=True), self.shift)

    def problems(self, shape: Shape, shapes: Mapping[str, Shape]) -> Iterator[Problem]:
        """See `IntegerOperation`."""
        yield from number_problems(formats.MAX_SUM_SHIFT, pool_shift=self.shift)

    def fields(self, address: Callable[[str], int]) -> dict[str, int]:
        """See `IntegerOperation`."""
        return {"pool": 1, "pool_shift": self.shift}


@dataclass(frozen=True)
class QuantizedMean(QuantizedOperation):
    """The rounded sum over the map of `pixels` pixels; see `GlobalMean`."""

    shift: int
    pixels: int

    def scale(self, scale: float) -> float:
        """See `QuantizedOperation`."""
        return scale * (2.0**self.shift / self.pixels)

    def run(self, values: torch.Tensor, features: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """See `QuantizedOperation`."""
        from golden.numerics import straight_through  # loads torch

        total = values.sum(dim=(2, 3), keepdim=True) * 2.0**-self.shift
        return straight_through.requantised(total)

    def integers(self) -> GlobalMean:
        """See `QuantizedOperation`."""
        return GlobalMean(self.shift)


@dataclass(frozen=True)
class FloatMean(FloatOperation):
    """The mean over the map, one pixel per channel."""

    power_of_two = False

    def run(self, values: torch.Tensor, features: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """See `FloatOperation`."""
        return values.mean(dim=(2, 3), keepdim=True)

    def quantise(
        self,
        sample: Sample,
        features: Mapping[str, tuple[torch.Tensor, float]],
        after: Callable[[Sample], Chosen],
    ) -> Chosen:
        """See `FloatOperation`: steps so coarse that the shift reaches. Nothing follows (`Stage`)."""
        grid = sample.grid
        total = torch.round(sample.values / 2.0**grid).clamp(-128, 127).sum(dim=(2, 3))
        shift = max(best_grid(total, 0), 0)
        reached = min(shift, formats.MAX_SUM_SHIFT)
        pixels = math.prod(sample.values.shape[2:])
        return grid + shift - reached, (QuantizedMean(reached, pixels),)

    def blank(self) -> GlobalMean:
        """See `FloatOperation`."""
        return GlobalMean(0)


def rounded(total: Int64, shift: int) -> Int64:
    """The sum over a map, rounded to int8."""
    return saturate(round_shift(total, shift))


def _check_shapes(before: tuple[int, ...], after: tuple[int, ...]) -> Iterator[Problem]:
    if after and after[1:] not in ((before[1],), (before[1], 1, 1)):
        found = f"average pooling from {before[1:]} to {after[1:]}"
        yield found, "one pixel per channel, or a size that divides the map's"


GLOBAL_MEAN = Operation(
    name="global average pooling",
    called="global average pooling",
    says="the rounded sum of each channel's map; the division is in the scale",
    torch=lambda: (
        torch.mean,
        "mean",
        nn.functional.adaptive_avg_pool2d,
        nn.AdaptiveAvgPool2d,
        nn.functional.avg_pool2d,
        nn.AvgPool2d,
    ),
    otherwise=AVERAGE_POOL,
    limits="over the whole map, last after a convolution",
    cost="nothing",
    integers=GlobalMean,
    floats=FloatMean,
    imported=lambda _, __: FloatMean(),
    check_shapes=_check_shapes,
)
