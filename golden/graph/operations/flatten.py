"""Flattening: a map as a row of features, only another way to count the same words."""

import math
from collections.abc import Iterator

import torch
from torch import nn

from golden.graph.operations.integers import Problem
from golden.graph.operations.operation import Operation


def _check_shapes(before: tuple[int, ...], after: tuple[int, ...]) -> Iterator[Problem]:
    if after and after != (before[0], math.prod(before[1:])):
        found = f"{before} becomes {after} for two images"
        yield found, "flattening to (images, features), such as torch.flatten(x, 1)"


FLATTEN = Operation(
    name="flatten",
    called="Flatten",
    says="another way to count the same values",
    torch=(torch.flatten, "flatten", "view", "reshape", torch.reshape, nn.Flatten),
    limits="to (images, features), before Linear or at the end",
    cost="nothing",
    check_shapes=_check_shapes,
)
