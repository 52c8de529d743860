"""ReLU: negative results become zero."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from golden.graph.operations.floats import Chosen, FloatOperation, QuantizedOperation, Sample
from golden.graph.operations.integers import Int8, Int64, IntegerOperation, Stage
from golden.graph.operations.operation import Operation
from golden.numerics.late import nn, torch


@dataclass(frozen=True)
class Relu(IntegerOperation):
    """max(value, 0)."""

    stage = Stage.ACTIVATION
    sets = ("relu",)

    def bounds(self, bounds: tuple[int, int]) -> tuple[int, int]:
        """See `IntegerOperation`."""
        return 0, max(bounds[1], 0)

    def run(self, values: Int64, features: Mapping[str, Int8]) -> Int64:
        """See `IntegerOperation`."""
        return rectified(values)

    def fields(self, address: Callable[[str], int]) -> dict[str, int]:
        """See `IntegerOperation`."""
        return {"relu": 1}


@dataclass(frozen=True)
class QuantizedRelu(QuantizedOperation):
    """max(value, 0)."""

    def run(self, values: torch.Tensor, features: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """See `QuantizedOperation`."""
        return values.relu()

    def integers(self) -> Relu:
        """See `QuantizedOperation`."""
        return Relu()


@dataclass(frozen=True)
class FloatRelu(FloatOperation):
    """max(value, 0)."""

    def run(self, values: torch.Tensor, features: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """See `FloatOperation`."""
        return values.relu()

    def quantise(
        self,
        sample: Sample,
        features: Mapping[str, tuple[torch.Tensor, float]],
        after: Callable[[Sample], Chosen],
    ) -> Chosen:
        """See `FloatOperation`: the steps stay as they are."""
        grid, rest = after(replace(sample, values=sample.values.relu()))
        return grid, (QuantizedRelu(), *rest)

    def blank(self) -> Relu:
        """See `FloatOperation`."""
        return Relu()


def rectified(values: Int64) -> Int64:
    """max(value, 0), element by element."""
    return np.maximum(values, 0)


RELU = Operation(
    name="ReLU",
    called="ReLU",
    says="negative results become zero",
    torch=lambda: (
        torch.relu,
        torch.relu_,
        nn.functional.relu,
        nn.functional.relu_,
        "relu",
        "relu_",
        nn.ReLU,
    ),
    limits="behind a convolution with what else follows it, before pooling; elsewhere a pass of its own",
    cost="nothing",
    integers=Relu,
    floats=FloatRelu,
    imported=lambda _, __: FloatRelu(),
    again=True,
)
