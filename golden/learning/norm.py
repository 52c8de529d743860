"""LightNorm both ways, by the unit's own integer model, and its running statistics."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from golden.lightnorm import LightNormOptions, scalars, tensors
from golden.lightnorm.channel import Statistics
from golden.lightnorm.quantise import quantise
from golden.lightnorm.scalars import Scalars
from golden.spec.block import Constants, constants
from golden.spec.learning import PARAMETER_FRACTION

OPTIONS = LightNormOptions()

_constants = lru_cache(maxsize=256)(constants)


@dataclass(frozen=True)
class Normed:
    """What the forward pass of a norm leaves.

    Parameters
    ----------
    y: float32 (C, n), exact block values.  blocks: x as the unit read it.
    """

    y: torch.Tensor
    blocks: torch.Tensor
    found: Statistics
    gamma: Scalars
    host: Constants


@dataclass(frozen=True)
class NormGradients:
    """dx (C, n) float32; dγ, dβ float64 (C,), exact; all in the unit of dy."""

    dx: torch.Tensor
    gamma: np.ndarray
    beta: np.ndarray


def parameters(values: torch.Tensor) -> Scalars:
    """gamma or beta, integers of LSB 2^−10, as scalars."""
    return scalars.from_floats(np.ldexp(values.numpy().astype(np.float64), -PARAMETER_FRACTION))


def forward(x: torch.Tensor, gamma: torch.Tensor, beta: torch.Tensor) -> Normed:
    """x: real values (C, n), exact in float32 or float64."""
    fmt = OPTIONS.format
    host = _constants(x.shape[1], OPTIONS.chunks)
    blocks = quantise(x, fmt.forward, OPTIONS.axis)[0].to(tensors.work_type(fmt))
    found = tensors.stat(blocks, host, fmt)
    scale = parameters(gamma)
    y = tensors.apply(blocks, found, scale, parameters(beta), OPTIONS)[0]
    return Normed(y, blocks, found, scale, host)


def backward(errors: torch.Tensor, normed: Normed) -> NormGradients:
    """errors: dy (C, n), integers in float32, without their exponent: all results are linear in dy."""
    fmt = OPTIONS.format
    dy = quantise(errors, fmt.gradient, OPTIONS.axis)[0]
    sums = tensors.reduce(normed.blocks, dy, normed.found, normed.gamma, normed.host, fmt)
    dx = tensors.grad(dy, normed.found, sums, OPTIONS)[0]
    return NormGradients(dx, sums.gamma.floats(), sums.beta.floats())


def followed(running: Scalars, batch: Scalars, share: int) -> Scalars:
    """running + (batch − running) · 2^−share, each operation rounded to a scalar."""
    gap = scalars.add(batch, Scalars(-running.mantissa, running.exponent))
    moved = np.where(gap.mantissa == 0, 0, gap.exponent - share)
    return scalars.add(running, Scalars(gap.mantissa, moved))
