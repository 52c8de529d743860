"""Small networks of a forward function and modules."""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import nn


class Function(nn.Module):
    """A network of the modules given by name and a forward function of (self, x)."""

    def __init__(self, forward: Callable[..., Any], **modules: nn.Module) -> None:
        super().__init__()
        for name, module in modules.items():
            self.add_module(name, module)
        self.function = forward

    def forward(self, x: torch.Tensor) -> Any:
        """As given."""
        return self.function(self, x)


def conv(channels: int = 2, filters: int = 2, **options: object) -> nn.Conv2d:
    """A 3×3 convolution that keeps the map, unless told otherwise."""
    return nn.Conv2d(channels, filters, **{"kernel_size": 3, "padding": 1, **options})  # type: ignore[arg-type]


def quietly(make: Callable[..., nn.Module], *given: object, **options: object) -> nn.Module:
    """What torch makes with ways that it calls deprecated; networks made so are not gone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make(*given, **options)
