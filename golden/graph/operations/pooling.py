"""Torch modules of pooling with padding of its own on each side, and windows beyond it; loads torch."""

from __future__ import annotations

import torch
from torch import nn

from golden.graph.operations.uneven_pool import FloatUnevenPool
from golden.graph.operations.window import Window


class MaxPooling(nn.Module):
    """The largest of each window, padded with −∞.

    Parameters
    ----------
    window: of maps; sequences (N, C, L) count as maps of one row.
    ceil: with windows that begin on the map and end beyond its padding.
    """

    def __init__(self, window: Window, ceil: bool = False) -> None:
        super().__init__()
        self.window = window
        self.ceil = ceil

    def on(self, height: int, width: int) -> Window:
        """The window on maps of that size."""
        return self.window.to_the_end(height, width) if self.ceil else self.window

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See the class."""
        maps = x.unsqueeze(2) if x.ndim == 3 else x
        found = self.on(*maps.shape[2:]).largest(maps)
        return found.squeeze(2) if x.ndim == 3 else found


class AveragePooling(nn.Module):
    """The mean of each window.

    Parameters
    ----------
    window, ceil: see `MaxPooling`.
    counted: whether zeros around the map count; those that `ceil` adds never do.
    """

    def __init__(self, window: Window, ceil: bool = False, counted: bool = False) -> None:
        super().__init__()
        self.window = window
        self.ceil = ceil
        self.counted = counted

    def product(self, channels: int, height: int, width: int) -> FloatUnevenPool:
        """What a layer begins with."""
        window = self.window.to_the_end(height, width) if self.ceil else self.window
        around = self.window.padding if self.counted else (0, 0, 0, 0)
        return FloatUnevenPool(channels, window, *window.counted(height, width, around))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See the class."""
        maps = x.unsqueeze(2) if x.ndim == 3 else x
        found = self.product(*maps.shape[1:]).run(maps)
        return found.squeeze(2) if x.ndim == 3 else found
