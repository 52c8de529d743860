"""ReLU: negative results become zero."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from golden.graph.operations.operation import FloatOperation, Int8, Int64, IntegerOperation, Operation, Stage


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
class FloatRelu(FloatOperation):
    """max(value, 0)."""

    def run(self, values: torch.Tensor, features: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """See `FloatOperation`."""
        return values.relu()


def rectified(values: Int64) -> Int64:
    """max(value, 0), element by element."""
    return np.maximum(values, 0)


RELU = Operation(
    name="ReLU",
    called="ReLU",
    says="negative results become zero",
    torch=(torch.relu, torch.relu_, nn.functional.relu, nn.functional.relu_, "relu", "relu_", nn.ReLU),
    limits="after a convolution with what else follows it, before pooling",
    cost="nothing",
    integers=Relu,
    floats=FloatRelu,
    imported=lambda _, __: FloatRelu(),
)
