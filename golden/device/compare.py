"""What of a state is not that of another: for a device beside golden."""

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
        if _unlike(vars(a)[name], vars(b)[name])
    ]
    names += [f"generator {it.name}" for it in Generator if found.generators[it] != right.generators[it]]
    return [*names, *(["steps"] if found.steps != right.steps else [])]


def different_values(found: State, right: State) -> int:
    """How many numbers differ: each code, mask, counter, parameter, statistic, exponent, generator."""
    parts = [*zip(found.layers, right.layers, strict=True), (found.head, right.head)]
    count = sum(_unlike(vars(a)[name], vars(b)[name]) for a, b in parts for name in vars(b))
    count += sum(a != b for a, b in zip(found.generators, right.generators, strict=True))
    return count + (found.steps != right.steps)


def _unlike(a: object, b: object) -> int:
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        return int((a != b).sum())
    if isinstance(a, Scalars) and isinstance(b, Scalars):
        return int(((a.mantissa != b.mantissa) | (a.exponent != b.exponent)).sum())
    return int(a != b)
