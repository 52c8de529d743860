"""What of a state is not that of another: for a device beside golden."""

import numpy as np
import torch

from golden.learning.state import State
from golden.lightnorm.scalars import Scalars
from golden.spec.learning import Generator


def differences(found: State, right: State) -> list[str]:
    """Names of all that differs."""
    pairs = enumerate(zip(found.layers, right.layers, strict=True))
    parts: list[tuple[str, object, object]] = [(f"layer {index}", *pair) for index, pair in pairs]
    names = [
        f"{part}: {name}"
        for part, a, b in [*parts, ("head", found.head, right.head)]
        for name in vars(b)
        if not _same(vars(a)[name], vars(b)[name])
    ]
    names += [f"generator {it.name}" for it in Generator if found.generators[it] != right.generators[it]]
    return [*names, *(["steps"] if found.steps != right.steps else [])]


def _same(a: object, b: object) -> bool:
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, Scalars) and isinstance(b, Scalars):
        return np.array_equal(a.mantissa, b.mantissa) and np.array_equal(a.exponent, b.exponent)
    return a == b
