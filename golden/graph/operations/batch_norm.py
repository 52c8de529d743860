"""Batch normalisation after a convolution: no operation of the machine, its factor and offset are folded into
the basis, the bias and the shift of each filter."""

from collections.abc import Iterator
from typing import Any

from torch import nn

from golden.graph.operations.operation import Operation, Problem
from golden.graph.operations.requantise import Requantise


def _check(module: Any) -> Iterator[Problem]:
    if module.running_mean is None:
        yield "track_running_stats = False", "running statistics"


BATCH_NORM = Operation(
    name="batch norm",
    called="BatchNorm2d",
    says="folded into the basis, the bias and the shift of each filter",
    torch=(nn.BatchNorm2d,),
    limits="directly after a convolution, with running statistics",
    cost="nothing",
    integers=Requantise,
    once=True,
    check=_check,
)
