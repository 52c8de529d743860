"""Flattening: a map as a row of features, only another way to count the same words."""

from __future__ import annotations

import math
from collections.abc import Iterator

from golden.graph.operations.integers import Problem
from golden.graph.operations.operation import Operation
from golden.numerics.late import nn, torch


def _check_shapes(before: tuple[int, ...], after: tuple[int, ...]) -> Iterator[Problem]:
    if after and after != (before[0], math.prod(before[1:])):
        found = f"{before} becomes {after} for two images"
        yield found, "flattening to (images, features), such as torch.flatten(x, 1)"


FLATTEN = Operation(
    name="flatten",
    called="Flatten",
    says="another way to count the same values",
    torch=lambda: (torch.flatten, "flatten", "view", "reshape", torch.reshape, nn.Flatten),
    limits="to (images, features), before Linear or at the end",
    cost="nothing",
    check_shapes=_check_shapes,
)
