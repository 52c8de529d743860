"""A map times its gate: each channel has a factor, which the network computes (squeeze and excitation).

The factors take the place of a layer's basis terms: the layer that computes them writes them into the memory
of the terms, too. So the multipliers behind the array do it, exactly, and one shift rounds it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from golden.graph.operations.channelwise import Channelwise
from golden.graph.operations.integers import Int8, Int64, Problem
from golden.graph.operations.operation import Operation
from golden.graph.operations.window import Window
from golden.numerics.late import torch


@dataclass(frozen=True)
class Gate(Channelwise):
    """A product of a map and a tensor of one pixel for each channel.

    Parameters
    ----------
    filters: channels.
    gate: name of the feature that holds the factors.
    """

    filters: int
    gate: str

    window = Window((1, 1))
    called = "factors"

    def run(self, images: Int8, gates: Int8) -> Int64:
        """Int8 (N, C, H, W), int8 (N, C, 1, 1) → int64 (N, C, H, W)."""
        found: Int64 = images.astype("int64") * gates.astype("int64")
        return found


@dataclass(frozen=True)
class FloatGate:
    """The same in floats."""

    channels: int
    gate: str

    count = 1

    def run(self, x: torch.Tensor, gates: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W), (N, C, 1, 1) → (N, C, H, W)."""
        return x * gates

    def sums(self, x: torch.Tensor) -> torch.Tensor:
        """Of values that are products."""
        return x


def _torch() -> tuple[Any, ...]:
    import operator

    return (operator.mul, operator.imul, torch.mul, torch.multiply, "mul", "mul_")


def _inner() -> tuple[Any, ...]:
    from golden.graph.operations.gating import Gating  # loads torch

    return (Gating,)


def _check(module: Any) -> Iterator[Problem]:
    if module.axis != 1:
        yield f"factors along axis {module.axis}", "a factor for each channel, axis 1"


GATE = Operation(
    name="gate",
    called="the product of a map and its gate",
    says="each channel times a factor that the network computes, exact and rounded once",
    torch=_torch,
    inner=_inner,
    limits=(
        "a map times a tensor of one pixel for each channel, (N, C, 1, 1); configurations with `gates`; "
        "factors that are constants go into the layers beside them"
    ),
    cost="an instruction; a cycle for each channel and word of pixels",
    convolution=lambda _, shape: FloatGate(shape[0], ""),
    check=_check,
)
