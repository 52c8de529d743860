"""The power of two that a step of an int8 is worth."""

from __future__ import annotations

import math

from golden.numerics.late import torch

_SEARCH = 4
"""Exponents below the one that holds the largest value: finer ones saturate too much to be the best."""


def best_grid(values: torch.Tensor, dead: int = -7) -> int:
    """The exponent e whose int8 grid of steps 2**e has the least squared error on real values.

    A coarser grid rounds more, a finer one saturates more; the finer one wins ties. Values that are
    all zero get `dead`.
    """
    largest = float(values.abs().max())
    if largest == 0:
        return dead
    top = math.ceil(math.log2(largest / 127.0))
    errors = {}
    for exponent in range(top - _SEARCH, top + 1):
        step = 2.0**exponent
        grid = torch.round(values / step).clamp(-128, 127) * step
        errors[exponent] = float((grid - values).double().square().sum())
    return min(errors, key=lambda exponent: (errors[exponent], exponent))
