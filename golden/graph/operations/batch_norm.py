"""Batch normalisation after a convolution: no operation of the machine, its factor and offset are folded into
the basis, the bias and the shift of each filter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from golden.graph.operations.floats import FloatOperation
from golden.graph.operations.integers import Problem
from golden.graph.operations.operation import Operation
from golden.graph.operations.requantise import Requantise
from golden.numerics.late import nn, torch


@dataclass(frozen=True)
class Norm(FloatOperation):
    """y = (x − mean)·gamma / √(variance + epsilon) + beta.

    All tensors float32 of shape (M,).
    """

    gamma: torch.Tensor
    beta: torch.Tensor
    mean: torch.Tensor
    variance: torch.Tensor
    epsilon: float

    folded = True

    def run(self, values: torch.Tensor, features: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """See `FloatOperation`."""
        return nn.functional.batch_norm(
            values, self.mean, self.variance, self.gamma, self.beta, eps=self.epsilon
        )


def norm_of(module: Any) -> Norm:
    """The norm of a BatchNorm2d or BatchNorm1d in eval mode."""
    size = module.num_features
    gamma = module.weight.detach().clone() if module.affine else torch.ones(size)
    beta = module.bias.detach().clone() if module.affine else torch.zeros(size)
    return Norm(gamma, beta, module.running_mean.clone(), module.running_var.clone(), module.eps)


def _check(module: Any) -> Iterator[Problem]:
    if module.running_mean is None:
        yield "track_running_stats = False", "running statistics"


BATCH_NORM = Operation(
    name="batch norm",
    called="BatchNorm2d and BatchNorm1d",
    says="folded into the basis, the bias and the shift of each filter",
    torch=lambda: (nn.BatchNorm2d, nn.BatchNorm1d),
    limits=(
        "directly after a convolution or a linear layer, with running statistics; elsewhere on maps a pass "
        "of its own"
    ),
    cost="nothing",
    integers=Requantise,
    floats=Norm,
    imported=lambda module, _: norm_of(module),
    check=_check,
)
