"""Sums of products of integers, exact: in float32 where they stay below 2^24, else in float64."""

import torch
from torch.nn.functional import conv2d

from golden.spec.learning import GRADIENT_BITS, LearningError

_FLOAT32_EXACT = 1 << 24


def work_type(bound: float, where: str) -> torch.dtype:
    """The type that adds integers exactly whose absolute sum is at most `bound`.

    Raises LearningError where 32 bits would not hold the sum.
    """
    if bound >= 1 << (GRADIENT_BITS - 1):
        raise LearningError(
            f"{where}: a sum may reach {bound:.0f}, beyond {GRADIENT_BITS} bits; "
            "legal: smaller batches, maps or filters"
        )
    return torch.float32 if bound < _FLOAT32_EXACT else torch.float64


def _peak(x: torch.Tensor) -> float:
    return float(x.abs().max()) if x.numel() else 0.0


def forward(x: torch.Tensor, weight: torch.Tensor, stride: int, where: str) -> torch.Tensor:
    """Convolution with padding ⌊kernel/2⌋: x (N, C, H, W), weight (F, C, k, k); integers in float32."""
    kind = work_type(float(weight.abs().flatten(1).sum(1).max()) * _peak(x), where)
    return conv2d(x.to(kind), weight.to(kind), None, stride, weight.shape[-1] // 2)


def below(
    errors: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, stride: int, where: str
) -> torch.Tensor:
    """The transposed convolution: errors (N, F, H', W') → (N, C, H, W), the shape of x."""
    kind = work_type(float(weight.abs().transpose(0, 1).flatten(1).sum(1).max()) * _peak(errors), where)
    return _backward(errors.to(kind), x.to(kind), weight.to(kind), stride, (True, False))[0]


def gradient(
    errors: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, stride: int, where: str
) -> torch.Tensor:
    """The sums Σ error · x of every position of the weight, (F, C, k, k)."""
    bound = float(errors.abs().sum((0, 2, 3), dtype=torch.float64).max()) * _peak(x)
    kind = work_type(bound, where)
    return _backward(errors.to(kind), x.to(kind), weight.to(kind), stride, (False, True))[1]


def _backward(
    errors: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, stride: int, wanted: tuple[bool, bool]
) -> tuple[torch.Tensor, torch.Tensor]:
    pad = weight.shape[-1] // 2
    return torch.ops.aten.convolution_backward(
        errors, x, weight, None, [stride] * 2, [pad] * 2, [1, 1], False, [0, 0], 1, [*wanted, False]
    )[:2]


def product(a: torch.Tensor, b: torch.Tensor, where: str) -> torch.Tensor:
    """a @ b for matrices of integers in float32."""
    kind = work_type(float(a.abs().sum(1).max()) * _peak(b), where)
    return a.to(kind) @ b.to(kind)
