"""Sums of products of integers, exact: in float32 where they stay below 2^24, else in float64.

On a GPU, where there is one, always in float64: fast convolutions there may round in float32 even where the
sums would not. Processes that `torchrun` started share the images (`golden.learning.ranks`).
"""

import os
from collections.abc import Callable
from functools import partial

import torch
from torch.nn.functional import conv2d

from golden.learning.ranks import each_image, over_images
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


def _bring(kind: torch.dtype) -> Callable[[torch.Tensor], torch.Tensor]:
    """What brings a tensor to where products are computed, as a type that adds exactly there."""
    if not torch.cuda.is_available():
        return partial(torch.Tensor.to, dtype=kind)
    number = int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count()
    return partial(torch.Tensor.to, device=torch.device("cuda", number), dtype=torch.float64)


def _peak(x: torch.Tensor) -> float:
    return float(x.abs().max()) if x.numel() else 0.0


def forward(x: torch.Tensor, weight: torch.Tensor, stride: int, where: str) -> torch.Tensor:
    """Convolution with padding ⌊kernel/2⌋: x (N, C, H, W), weight (F, C, k, k); integers in float32."""
    kind = work_type(float(weight.abs().flatten(1).sum(1).max()) * _peak(x), where)
    bring, pad = _bring(kind), weight.shape[-1] // 2
    return each_image(lambda part: conv2d(bring(part), bring(weight), None, stride, pad).cpu(), x)


def below(
    errors: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, stride: int, where: str
) -> torch.Tensor:
    """The transposed convolution: errors (N, F, H', W') → (N, C, H, W), the shape of x."""
    kind = work_type(float(weight.abs().transpose(0, 1).flatten(1).sum(1).max()) * _peak(errors), where)
    return each_image(partial(_backward, kind, weight, stride, (True, False)), errors, x)


def gradient(
    errors: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, stride: int, where: str
) -> torch.Tensor:
    """The sums Σ error · x of every position of the weight, (F, C, k, k)."""
    bound = float(errors.abs().sum((0, 2, 3), dtype=torch.float64).max()) * _peak(x)
    kind = work_type(bound, where)
    return over_images(partial(_backward, kind, weight, stride, (False, True)), errors, x)


def _backward(
    kind: torch.dtype,
    weight: torch.Tensor,
    stride: int,
    wanted: tuple[bool, bool],
    errors: torch.Tensor,
    x: torch.Tensor,
) -> torch.Tensor:
    """The one that is wanted: the error of x, the gradient of the weight."""
    bring, pad = _bring(kind), weight.shape[-1] // 2
    operands = bring(errors), bring(x), bring(weight)
    found: tuple[torch.Tensor, torch.Tensor, torch.Tensor] = torch.ops.aten.convolution_backward(
        *operands, None, [stride] * 2, [pad] * 2, [1, 1], False, [0, 0], 1, [*wanted, False]
    )
    return found[wanted.index(True)].cpu()


def product(a: torch.Tensor, b: torch.Tensor, where: str) -> torch.Tensor:
    """a @ b for matrices of integers in float32."""
    kind = work_type(float(a.abs().sum(1).max()) * _peak(b), where)
    return a.to(kind) @ b.to(kind)
