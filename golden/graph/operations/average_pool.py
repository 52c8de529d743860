"""Average pooling over windows: exact sums, rounded once; the division is in the scale of the result."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from golden.graph.operations.integers import Problem, Shape
from golden.graph.operations.operation import Operation
from golden.graph.operations.uneven_pool import FloatUnevenPool
from golden.graph.operations.window import MAX_STRIDE, Window, pair
from golden.numerics.late import nn, torch
from golden.spec.memories import MAX_TAPS


@dataclass(frozen=True)
class FloatAveragePool:
    """The mean of each window, of all its positions.

    Parameters
    ----------
    channels: of the input.
    window: padded with zeros.
    divisor: what the sum is divided by.
    """

    channels: int
    window: Window
    divisor: int

    @property
    def count(self) -> int:
        """What the sum is divided by."""
        return self.divisor

    def run(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) → (N, C, H', W')."""
        return self.sums(x) / self.divisor

    def sums(self, x: torch.Tensor) -> torch.Tensor:
        """The same before the division."""
        ones = torch.ones(self.channels, 1, *self.window.kernel, dtype=x.dtype)
        return self.window.convolve(x, ones, groups=self.channels)


def _inner() -> tuple[Any, ...]:
    from golden.graph.operations.pooling import AveragePooling  # loads torch

    return (AveragePooling,)


def _check(module: Any) -> Iterator[Problem]:
    stride = module.stride if isinstance(module, nn.AvgPool2d) else module.window.stride
    if max(pair(stride)) > MAX_STRIDE:
        yield f"AvgPool2d with stride = {stride}", f"strides up to {MAX_STRIDE}"


def _imported(module: Any, shape: Shape) -> FloatAveragePool | FloatUnevenPool:
    if not isinstance(module, nn.AvgPool2d):
        found: FloatUnevenPool = module.product(*shape)
        divisors = set(found.divisors.reshape(-1).tolist())
        return FloatAveragePool(shape[0], found.window, divisors.pop()) if len(divisors) == 1 else found
    kernel, stride = pair(module.kernel_size), pair(module.stride)
    rows, columns = pair(module.padding)
    window = Window(kernel, stride, (rows, rows, columns, columns))
    return FloatAveragePool(shape[0], window, module.divisor_override or kernel[0] * kernel[1])


AVERAGE_POOL = Operation(
    name="average pooling",
    called="AvgPool2d and AvgPool1d",
    says="the sum of each window, rounded once; the division is in the scale",
    torch=lambda: (nn.AvgPool2d,),
    limits=(
        f"up to {MAX_TAPS} positions, padding with zeros of any size on each side, which count or not; "
        "windows that reach beyond it (ceil_mode); adaptive to a size that divides the map's; strides up to "
        f"{MAX_STRIDE}; no tensor is added to what it gives unless it divides by a power of two"
    ),
    cost="an instruction; a cycle for each position and divisor, channel and word of pixels",
    inner=_inner,
    convolution=_imported,
    check=_check,
)
