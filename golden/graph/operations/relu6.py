"""ReLU6: negative results become zero, and those above 6 become 6.

The machine has no limit of its own but that of int8: the largest result, 127, is worth 6.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from golden.graph.operations.floats import Chosen, FloatOperation, Sample
from golden.graph.operations.operation import Operation
from golden.graph.operations.relu import QuantizedRelu, Relu
from golden.numerics.late import nn, torch
from golden.spec.errors import UnsupportedError

MOST = 6.0
_GRID = math.log2(MOST / 127)
_EXACT = 1e-9
"""More than the rounding of an exponent."""


@dataclass(frozen=True)
class FloatRelu6(FloatOperation):
    """min(max(value, 0), 6)."""

    power_of_two = False

    def run(self, values: torch.Tensor, features: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """See `FloatOperation`."""
        return values.clamp(0, MOST)

    def quantise(
        self,
        sample: Sample,
        features: Mapping[str, tuple[torch.Tensor, float]],
        after: Callable[[Sample], Chosen],
    ) -> Chosen:
        """See `FloatOperation`: steps of 6 ÷ 127, or of the best power of two below that."""
        taken = replace(sample, values=sample.values.clamp(0, MOST))
        grid: float = taken.last
        if grid > _GRID + _EXACT:
            if sample.least > _GRID or sample.fixed is not None or sample.wanted is not None:
                raise UnsupportedError(
                    f"ReLU6 of values with steps of 2**{grid}; supported: steps of up to 2**{_GRID:.2f}, "
                    "so that 127 of them are not more than 6"
                )
            grid = _GRID
        grid, rest = after(replace(taken, fixed=grid))
        return grid, (QuantizedRelu(), *rest)

    def blank(self) -> Relu:
        """See `FloatOperation`."""
        return Relu()


RELU6 = Operation(
    name="ReLU6",
    called="ReLU6",
    says="negative results become zero, those above 6 become 6: the largest int8 is worth 6",
    torch=lambda: (nn.functional.relu6, nn.ReLU6),
    limits="as ReLU, but not behind an addition, nor read by one",
    cost="nothing",
    integers=Relu,
    floats=FloatRelu6,
    imported=lambda _, __: FloatRelu6(),
    again=True,
)
