"""Rounding and saturation as training needs them.

Rounding passes gradients through unchanged (Bengio, Léonard, Courville, arXiv 1308.3432); values that
saturate pass none.
"""

from collections.abc import Callable
from typing import Any

import torch


class _Round(torch.autograd.Function):
    """Nearest integer, ties to even; the gradient passes."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor) -> torch.Tensor:
        """See the class."""
        return torch.round(values)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        """See the class."""
        return gradient


# torch leaves `apply` without types.
rounded: Callable[[torch.Tensor], torch.Tensor] = _Round.apply
"""Nearest integer, ties to even, of each value; any shape and dtype of floats."""


def saturated(values: torch.Tensor) -> torch.Tensor:
    """The nearest value of an int8 of each, −128…127, as a float."""
    return values.clamp(-128, 127)


class _Int8(torch.autograd.Function):
    """`saturated(rounded(values))` in half the passes over memory: training spends its time on them."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor) -> torch.Tensor:
        """See the class."""
        whole = torch.round(values)
        kept = saturated(whole)
        ctx.save_for_backward(whole == kept)
        return kept

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        """See the class."""
        (inside,) = ctx.saved_tensors
        return torch.where(inside, gradient, 0.0)


requantised: Callable[[torch.Tensor], torch.Tensor] = _Int8.apply
"""`saturated(rounded(values))`, with the same gradient."""
