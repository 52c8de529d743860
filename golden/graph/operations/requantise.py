"""Requantisation: bias and one rounding shift for each filter, back to int8."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from golden.graph.operations.integers import (
    Int8,
    Int64,
    IntegerOperation,
    Problem,
    Shape,
    Stage,
    range_problems,
    shape_problems,
)
from golden.numerics.rounding import round_shift, saturate
from golden.spec import formats


@dataclass(frozen=True)
class Requantise(IntegerOperation):
    """saturate(round_shift(sum + bias, shift)); its numbers go to the filter memory.

    Parameters
    ----------
    bias: int32 values, shape (M,). shift: 0…31, shape (M,).
    """

    bias: Int64
    shift: Int64

    stage = Stage.REQUANTISE

    def bounds(self, bounds: tuple[int, int]) -> tuple[int, int]:
        """See `IntegerOperation`."""
        return -128, 127

    def run(self, values: Int64, features: Mapping[str, Int8]) -> Int64:
        """See `IntegerOperation`."""
        bias, shift = (it.astype("int64")[:, None, None] for it in (self.bias, self.shift))
        return requantised(values + bias, shift)

    def problems(self, shape: Shape, shapes: Mapping[str, Shape]) -> Iterator[Problem]:
        """See `IntegerOperation`."""
        half = 1 << (formats.BIAS_BITS - 1)
        yield from shape_problems("bias", self.bias, shape[:1])
        yield from range_problems("bias", self.bias, -half, half - 1)
        yield from shape_problems("shift", self.shift, shape[:1])
        yield from range_problems("shift", self.shift, 0, (1 << formats.SHIFT_BITS) - 1)


def requantised(sums: Int64, shift: Int64) -> Int64:
    """Sums with their bias → int8 values; shapes broadcast."""
    return saturate(round_shift(sums, shift))
