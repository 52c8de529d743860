"""Global average pooling: the mean of each channel's map, one pixel per channel."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from golden.graph.operations.operation import (
    FloatOperation,
    Int8,
    Int64,
    IntegerOperation,
    Operation,
    Problem,
    Shape,
    Stage,
)
from golden.numerics.rounding import round_shift, saturate


@dataclass(frozen=True)
class GlobalMean(IntegerOperation):
    """saturate(round_shift(Σ over the map, shift)), one pixel per channel.

    The division by the number of pixels is in the scale of the result.
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

    def phase_problems(self, shape: Shape, degree: int) -> Iterator[Problem]:
        """See `IntegerOperation`."""
        if shape[1] % degree or shape[2] % degree:
            found = f"pooling of a {shape[1]}×{shape[2]} map in {degree}×{degree} phases"
            yield found, f"heights and widths that {degree} divides"

    def fields(self, address: Callable[[str], int]) -> dict[str, int]:
        """See `IntegerOperation`."""
        return {"pool": 1, "pool_shift": self.shift}


@dataclass(frozen=True)
class FloatMean(FloatOperation):
    """The mean over the map, one pixel per channel."""

    def run(self, values: torch.Tensor, features: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """See `FloatOperation`."""
        return values.mean(dim=(2, 3), keepdim=True)


def rounded(total: Int64, shift: int) -> Int64:
    """The sum over a map, rounded to int8."""
    return saturate(round_shift(total, shift))


def _check_shapes(before: tuple[int, ...], after: tuple[int, ...]) -> Iterator[Problem]:
    if after and after[1:] not in ((before[1],), (before[1], 1, 1)):
        found = f"average pooling from {before[1:]} to {after[1:]}"
        yield found, "global average pooling to one pixel per channel"


GLOBAL_MEAN = Operation(
    name="global average pooling",
    called="global average pooling",
    says="the rounded sum of each channel's map; the division is in the scale",
    torch=(
        torch.mean,
        "mean",
        nn.functional.adaptive_avg_pool2d,
        nn.AdaptiveAvgPool2d,
        nn.functional.avg_pool2d,
        nn.AvgPool2d,
    ),
    limits="over the whole map, last after a convolution; phases of strided layers divide the map",
    cost="nothing",
    integers=GlobalMean,
    floats=FloatMean,
    imported=lambda _, __: FloatMean(),
    check_shapes=_check_shapes,
)
