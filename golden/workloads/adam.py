"""Adam with decoupled weight decay and a rate that falls along a cosine.

The same bits as torch's own AdamW and CosineAnnealingLR, whose first use in a process loads torch's compiler,
for seconds; trainings run in processes of their own.
Sources: D. Kingma, J. Ba, arXiv 1412.6980; I. Loshchilov, F. Hutter, arXiv 1711.05101 and 1608.03983.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch

_FIRST, _SECOND, _EPSILON = 0.9, 0.999, 1e-8


class Adam:
    """Steps of parameters.

    Parameters
    ----------
    groups: (parameters, weight decay) of each group.
    rate: of the first step.  least: of the one after the last.  steps: how many there are.
    """

    def __init__(
        self,
        groups: Sequence[tuple[Sequence[torch.Tensor], float]],
        rate: float,
        least: float,
        steps: int,
    ) -> None:
        self._groups = groups
        self._least = least
        self._steps = steps
        self.rate = rate
        self._done = 0
        parameters = [it for group, _ in groups for it in group]
        self._means = {it: torch.zeros_like(it) for it in parameters}
        self._squares = {it: torch.zeros_like(it) for it in parameters}
        self._counts = dict.fromkeys(parameters, 0)

    def zero_grad(self) -> None:
        """Forgets all gradients."""
        for it in self._counts:
            it.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Moves each parameter that has a gradient; the rate falls."""
        for group, decay in self._groups:
            moved = [it for it in group if it.grad is not None]
            if moved:
                self._move(moved, decay)
        self._done += 1
        now, before = (1 + math.cos(math.pi * it / self._steps) for it in (self._done, self._done - 1))
        self.rate = now / before * (self.rate - self._least) + self._least

    def _move(self, parameters: list[torch.Tensor], decay: float) -> None:
        gradients = [it.grad for it in parameters if it.grad is not None]
        means, squares = ([kept[it] for it in parameters] for kept in (self._means, self._squares))
        for it in parameters:
            self._counts[it] += 1
        counts = [self._counts[it] for it in parameters]
        if decay:
            torch._foreach_mul_(parameters, 1 - self.rate * decay)
        torch._foreach_lerp_(means, gradients, 1 - _FIRST)
        torch._foreach_mul_(squares, _SECOND)
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - _SECOND)
        roots = torch._foreach_sqrt(squares)
        torch._foreach_div_(roots, [(1 - _SECOND**count) ** 0.5 for count in counts])
        torch._foreach_add_(roots, _EPSILON)
        factors = [self.rate / (1 - _FIRST**count) * -1 for count in counts]
        torch._foreach_addcdiv_(parameters, means, roots, factors)

    def state_dict(self) -> dict[str, Any]:
        """All that changes, as values that torch can save."""
        return {
            "rate": self.rate,
            "done": self._done,
            "means": list(self._means.values()),
            "squares": list(self._squares.values()),
            "counts": list(self._counts.values()),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from what `state_dict` gave."""
        self.rate, self._done = state["rate"], state["done"]
        for kept, found in ((self._means, state["means"]), (self._squares, state["squares"])):
            for it, values in zip(kept.values(), found, strict=True):
                it.copy_(values)
        self._counts = dict(zip(self._counts, state["counts"], strict=True))
