"""Addition of another tensor to a layer's requantised result: the end of a residual block."""

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch

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
class Add(IntegerOperation):
    """Adds a tensor to the requantised result: one rounding of the exact sum.

    out = saturate(round_shift((result << align_result) + (tensor << align_residual), shift))
    """

    tensor: str
    align_result: int
    align_residual: int
    shift: int

    stage = Stage.ADD
    sets = ("residual", "residual_address", "align_result", "align_residual", "residual_shift")

    @property
    def reads(self) -> tuple[str, ...]:
        """See `IntegerOperation`."""
        return (self.tensor,)

    def bounds(self, bounds: tuple[int, int]) -> tuple[int, int]:
        """See `IntegerOperation`."""
        return -128, 127

    def run(self, values: Int64, features: Mapping[str, Int8]) -> Int64:
        """See `IntegerOperation`."""
        other = features[self.tensor].astype(np.int64)
        return added(values, other, self.align_result, self.align_residual, self.shift)

    def problems(self, shape: Shape, shapes: Mapping[str, Shape]) -> Iterator[Problem]:
        """See `IntegerOperation`."""
        if (found := shapes[self.tensor]) != shape:
            yield f"residual {self.tensor!r} of shape {found}", f"the map's {shape}"

    def fields(self, address: Callable[[str], int]) -> dict[str, int]:
        """See `IntegerOperation`."""
        return {
            "residual": 1,
            "residual_address": address(self.tensor),
            "align_result": self.align_result,
            "align_residual": self.align_residual,
            "residual_shift": self.shift,
        }


@dataclass(frozen=True)
class FloatAdd(FloatOperation):
    """Adds the feature `tensor`."""

    tensor: str

    @property
    def reads(self) -> tuple[str, ...]:
        """See `FloatOperation`."""
        return (self.tensor,)

    def run(self, values: torch.Tensor, features: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """See `FloatOperation`."""
        return values + features[self.tensor]


def added(result: Int64, other: Int64, align_result: int, align_residual: int, shift: int) -> Int64:
    """The sum of two aligned int8 values, rounded once; shapes are equal."""
    return saturate(round_shift((result << align_result) + (other << align_residual), shift))


ADD = Operation(
    name="addition",
    called="the addition of two tensors",
    says="both on one grid, one rounding of the exact sum",
    torch=(operator.add, operator.iadd, torch.add, "add", "add_"),
    limits=(
        "two different tensors of one shape, at least one of them a convolution (and batch norm) used "
        "nowhere else; before ReLU and pooling; all ways between the two have the same product of strides"
    ),
    cost="nothing",
    integers=Add,
    floats=FloatAdd,
    imported=lambda _, others: FloatAdd(*others),
)
