"""Random networks as people might write them, legal for the hardware or not; a seed gives one."""

import random
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

IMAGES = torch.rand(3, 2, 4, 5, generator=torch.Generator().manual_seed(1)) + 0.1

Step = Callable[[Any, torch.Tensor], torch.Tensor]

_PERMUTATIONS = ((0, 2, 3, 1), (0, 3, 1, 2), (0, 1, 3, 2), (0, 3, 2, 1))
_PLAIN: dict[str, Step] = {
    "relu": lambda _, x: x.relu(),
    "contiguous": lambda _, x: x.contiguous(),
    "flatten": lambda _, x: torch.flatten(x, 1),
    "reshape": lambda _, x: x.reshape(x.size(0), -1),
    "sizes": lambda _, x: x.view(x.shape[0], x.shape[1] * x.size(2) * x.size(3)),
    "other axes": lambda _, x: x.reshape(x.shape[0], x.shape[2], x.shape[1], x.shape[3]),
    "squeeze": lambda _, x: x.squeeze(-1),
    "pad": lambda _, x: F.pad(x, (1, 1, 1, 1)),
    "uneven pad": lambda _, x: F.pad(x, (0, 1, 0, 1)),
}
_KINDS = ("conv", "norm", "permute", "constant", "linear", "mean", "residual", *_PLAIN)


class RandomNet(nn.Module):
    """Two to eight operations, each of which takes what comes to it."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.dice = random.Random(seed)
        self.parts = nn.ModuleList()
        self.steps: list[Step] = []
        torch.manual_seed(seed)
        value = IMAGES[:2]
        for _ in range(self.dice.randint(2, 8)):
            try:
                step = self._step(self.dice.choice(_KINDS), value)
                with torch.no_grad():
                    value = step(self, value)
            except (RuntimeError, IndexError, ValueError):
                continue  # does not take it
            self.steps.append(step)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """All steps in a row."""
        for step in self.steps:
            x = step(self, x)
        return x

    def _step(self, kind: str, value: torch.Tensor) -> Step:
        channels, rank = value.shape[1], value.ndim
        if kind in _PLAIN:
            return _PLAIN[kind]
        if kind == "permute":
            axes = self.dice.choice(_PERMUTATIONS)
            return lambda _, x: x.permute(*axes)
        if kind == "mean":
            dims, keep = self.dice.choice(((2, 3), (1, 2), (-1, -2), (2,), (1, 3))), self.dice.random() < 0.5
            return lambda _, x: x.mean(dims, keepdim=keep)
        if kind == "constant":
            shape = self.dice.choice(((1,), (value.shape[-1],), (channels,) + (1,) * (rank - 2)))
            name = f"constant{len(self.steps)}"
            self.register_buffer(name, torch.rand(shape) + 0.5)
            function = self.dice.choice((torch.mul, torch.add, torch.sub, torch.div))
            return lambda net, x: function(x, getattr(net, name))
        made: nn.Module
        if kind == "linear":
            made = nn.Linear(value.shape[-1], self.dice.randint(2, 4))
        elif kind == "norm":
            made = nn.BatchNorm2d(channels).eval()
            made.running_mean.uniform_()  # type: ignore[union-attr]
        else:
            size = self.dice.choice((1, 3))
            filters = channels if kind == "residual" else self.dice.randint(1, 3)
            made = nn.Conv2d(channels, filters, size, padding=size // 2)
        self.parts.append(made)
        place = len(self.parts) - 1
        if kind == "residual":
            return lambda net, x: net.parts[place](x) + x
        return lambda net, x: net.parts[place](x)
