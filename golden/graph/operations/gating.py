"""The torch module of a map times its gate; loads torch."""

import torch
from torch import nn


class Gating(nn.Module):
    """x times a factor for each channel.

    Parameters
    ----------
    axis: of x that the channels are.
    """

    def __init__(self, axis: int = 1) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, x: torch.Tensor, gates: torch.Tensor) -> torch.Tensor:
        """Any x, and (N, C) values."""
        sizes = [1] * x.ndim
        sizes[0], sizes[self.axis] = x.shape[0], x.shape[self.axis]
        return x * gates.reshape(sizes)
