"""Weights averaged along the end of training."""

import torch
from torch import nn


class Average:
    """The running mean of a module's parameters over the moments at which it is taken.

    One step's weights depend on the last few batches, and, where weights are rounded to integers, on
    which side of a tie the last steps left them; their mean depends on neither.
    Source: P. Izmailov et al., Averaging Weights Leads to Wider Optima and Better Generalization,
    arXiv 1803.05407.

    Parameters
    ----------
    module: its parameters keep their shapes while the mean is taken; sums are float64.
    """

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._sums: list[torch.Tensor] = []
        self._count = 0

    def take(self) -> None:
        """Let the present parameters count once."""
        now = [parameter.detach().double() for parameter in self._module.parameters()]
        zeros = [torch.zeros_like(value) for value in now]
        self._sums = [total + value for total, value in zip(self._sums or zeros, now, strict=True)]
        self._count += 1

    @property
    def state(self) -> tuple[list[torch.Tensor], int]:
        """The sums of what was taken, and how often."""
        return self._sums, self._count

    @state.setter
    def state(self, values: tuple[list[torch.Tensor], int]) -> None:
        self._sums, self._count = values

    def adopt(self) -> None:
        """Give the module the mean of what was taken, which was something."""
        with torch.no_grad():
            for parameter, total in zip(self._module.parameters(), self._sums, strict=True):
                parameter.copy_(total / self._count)
