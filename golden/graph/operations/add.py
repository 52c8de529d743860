"""Addition of another tensor to a layer's requantised result: the end of a residual block."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

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
from golden.numerics.late import torch
from golden.numerics.rounding import round_shift, saturate
from golden.spec import formats
from golden.spec.errors import UnsupportedError


@dataclass(frozen=True)
class Add(IntegerOperation):
    """Adds a tensor to the requantised result: one rounding of the exact sum.

    out = saturate(round_shift((result << align_result) + (tensor << align_residual), shift));
    alignments 0…`formats.MAX_ALIGN`, shift 0…`formats.MAX_SUM_SHIFT`.
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

    def rounding(self, steps: float) -> float:
        """See `IntegerOperation`."""
        return max(1.0, steps * 2.0 ** (self.align_result - self.shift))

    def problems(self, shape: Shape, shapes: Mapping[str, Shape]) -> Iterator[Problem]:
        """See `IntegerOperation`."""
        if (found := shapes[self.tensor]) != shape:
            yield f"residual {self.tensor!r} of shape {found}", f"the map's {shape}"
        yield from number_problems(
            formats.MAX_ALIGN, align_result=self.align_result, align_residual=self.align_residual
        )
        yield from number_problems(formats.MAX_SUM_SHIFT, residual_shift=self.shift)

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
class QuantizedAdd(QuantizedOperation):
    """Adds the feature `tensor`.

    Parameters
    ----------
    result, other, output: exponents of the steps of the result, of the tensor and of their sum.
    """

    tensor: str
    result: int
    other: int
    output: int

    def scale(self, scale: float) -> float:
        """See `QuantizedOperation`."""
        return 2.0**self.output

    def run(self, values: torch.Tensor, features: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """See `QuantizedOperation`."""
        from golden.numerics.straight_through import requantised  # loads torch

        total = values * 2.0**self.result + features[self.tensor]
        return requantised(total / 2.0**self.output)

    def integers(self) -> Add:
        """See `QuantizedOperation`."""
        finest = min(self.result, self.other)
        return Add(self.tensor, self.result - finest, self.other - finest, self.output - finest)


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

    def quantise(
        self,
        sample: Sample,
        features: Mapping[str, tuple[torch.Tensor, float]],
        after: Callable[[Sample], Chosen],
    ) -> Chosen:
        """See `FloatOperation`."""
        tensor, scale = features[self.tensor]
        other = round(math.log2(scale))
        wanted = _whole(replace(sample, dead=other).grid)
        output = sample.values + tensor
        # A tensor of steps below 2**-7 of the result's is worth less than half of one; the machine
        # could not shift it into place, nor does it matter. Nor does one that is zero on all samples.
        reach = formats.MAX_ALIGN
        if wanted - other > reach or (other - wanted > reach and not tensor.any()):
            return after(replace(sample, values=output, dead=other))
        # A result that is so much finer than the tensor is rounded to 2**-7 of its steps.
        result = max(wanted, other - reach)
        finest = min(result, other)
        grid, rest = after(Sample(output, finest, finest, wanted=sample.wanted))
        return result, (QuantizedAdd(self.tensor, result, other, _whole(grid)), *rest)

    def blank(self) -> Add:
        """See `FloatOperation`."""
        return Add(self.tensor, 0, 0, 0)


def _whole(grid: float) -> int:
    """The exponent of steps that can be aligned. Raises UnsupportedError for others."""
    if grid != int(grid):
        raise UnsupportedError(
            f"the addition of a tensor before ReLU6, whose steps of 2**{grid:.2f} no shift gives; "
            "supported: additions before ReLU"
        )
    return int(grid)


def added(result: Int64, other: Int64, align_result: int, align_residual: int, shift: int) -> Int64:
    """The sum of two aligned int8 values, rounded once; shapes are equal."""
    return saturate(round_shift((result << align_result) + (other << align_residual), shift))


ADD = Operation(
    name="addition",
    called="the addition of two tensors",
    says="both on one grid, one rounding of the exact sum",
    torch=lambda: (operator.add, operator.iadd, torch.add, "add", "add_"),
    limits=(
        "two different tensors of one shape; where neither of them is a convolution (and batch norm) used "
        "nowhere else, a pass of its own; before ReLU and pooling; all ways between the two have the same "
        "product of strides"
    ),
    cost="nothing",
    integers=Add,
    floats=FloatAdd,
    imported=lambda _, others: FloatAdd(*others),
    joins=True,
)
