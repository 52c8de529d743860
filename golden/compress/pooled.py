"""Pooling and gates as stages of the network in integers: nothing trains, a shift is chosen."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from golden.compress.plan import LayerPlan
from golden.graph.floats import FloatLayer
from golden.graph.operations.average_pool import FloatAveragePool
from golden.graph.operations.floats import Chosen, QuantizedOperation, Sample
from golden.graph.operations.gate import FloatGate
from golden.graph.operations.max_pool import FloatMaxPool
from golden.graph.operations.uneven_pool import FloatUnevenPool
from golden.numerics.straight_through import requantised
from golden.spec.errors import UnsupportedError
from golden.spec.formats import SHIFT_BITS

Pooling = FloatMaxPool | FloatAveragePool | FloatUnevenPool | FloatGate

LARGEST_SHIFT = (1 << SHIFT_BITS) - 1


def taken(
    layer: FloatLayer, values: Mapping[str, torch.Tensor], scales: Mapping[str, float]
) -> tuple[torch.Tensor, float]:
    """What the stage of a layer takes, of all features by name: whole numbers, and the worth of a step."""
    x, scale = values[layer.input], scales[layer.input]
    for name in layer.gates:
        x, scale = x * values[name], scale * scales[name]
    return x, scale


class PooledLayer(nn.Module):
    """Max or average pooling: the largest, or the sum, of whole numbers, rounded by a shift; or whole numbers
    that are products with a gate (`taken`)."""

    batch_norm = False

    def __init__(self, layer: FloatLayer, product: Pooling, plan: LayerPlan) -> None:
        super().__init__()
        self.layer = layer
        self.product = product
        self.plan = plan
        self.shift = 0
        self.unit = 1.0
        self.epilogue: tuple[QuantizedOperation, ...] = ()

    @property
    def chosen(self) -> tuple[Any, ...]:
        """What was chosen on sample images."""
        return self.shift, self.unit, self.epilogue

    @chosen.setter
    def chosen(self, values: tuple[Any, ...]) -> None:
        self.shift, self.unit, self.epilogue = values

    def prune(self, density: float) -> None:
        """Nothing to keep."""

    def refit(self, density: float) -> None:
        """Nothing to decompose."""

    def holds(self, scale: float) -> bool:
        """Whether the machine can still hold its numbers."""
        return True

    def choose(
        self,
        x: torch.Tensor,
        scale: float,
        features: Mapping[str, tuple[torch.Tensor, float]],
        after: Callable[[Sample], Chosen],
    ) -> None:
        """Choose shift and grids on whole numbers x (N, C, H, W), worth `scale` each.

        Raises UnsupportedError where what is added to them cannot be aligned.
        """
        step = scale / self.product.count
        exponent = math.log2(step)
        exact = exponent == int(exponent)
        if self.layer.reads and not exact:
            raise UnsupportedError(
                f"{self.layer.path}: the addition of a tensor to pooled values with steps of {step:.6g}; "
                "supported: steps that are powers of two, as max pooling and means of 2, 4, 8, … pixels have"
            )
        # Where nothing is added, in steps of what is taken.
        least, real = (int(exponent), step) if exact else (0, 1.0)
        kept = isinstance(self.product, FloatMaxPool)
        sums = Sample(self._sums(x) * real, least, least, least if kept else None)
        grid, self.epilogue = after(sums)
        if grid != int(grid):
            raise UnsupportedError(
                f"{self.layer.path}: pooling with a ReLU6 behind it; supported: the ReLU6 before it"
            )
        self.shift = min(int(grid) - least, LARGEST_SHIFT)
        self.unit = step * 2.0**self.shift

    def _sums(self, x: torch.Tensor) -> torch.Tensor:
        return self.product.run(x) if isinstance(self.product, FloatMaxPool) else self.product.sums(x)

    @property
    def scale(self) -> float:
        """The worth of a step of the output feature."""
        scale = self.unit
        for operation in self.epilogue:
            scale = operation.scale(scale)
        return scale

    def forward(self, x: torch.Tensor, scale: float, norm: bool) -> torch.Tensor:
        """The requantised values (N, C, H, W), whole numbers −128…127, of whole numbers x."""
        # A window that sees padding alone has the lowest value.
        sums = self._sums(x).clamp_min(-128) if isinstance(self.product, FloatMaxPool) else self._sums(x)
        return requantised(sums * 2.0**-self.shift)

    def finish(self, result: torch.Tensor, features: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """A requantised result and what is read beside it, in real units, by name → the output feature."""
        for operation in self.epilogue:
            result = operation.run(result, features)
        return result
