"""LightNorm both ways, by the unit's own integer model, and its running statistics."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch

from golden.learning.rounding import fraction
from golden.learning.scheme import Statistics
from golden.learning.state import LayerState
from golden.lightnorm import channel, scalars, tensors
from golden.lightnorm.quantise import quantise
from golden.lightnorm.scalars import Scalars
from golden.spec.block import Constants, GroupAxis, constants
from golden.spec.learning import NORM_FORMAT, PARAMETER_FRACTION, STANDING_FRACTION

_constants = lru_cache(maxsize=256)(constants)
_EPSILON = constants(2).epsilon


@dataclass(frozen=True)
class Normed:
    """What the forward pass of a norm leaves.

    Parameters
    ----------
    y: float32 (C, n), exact: what the unit has before it encodes.  blocks: x as the unit read it.
    """

    y: torch.Tensor
    blocks: torch.Tensor
    found: channel.Statistics
    gamma: Scalars
    host: Constants


@dataclass(frozen=True)
class NormGradients:
    """Of a norm, in the unit of dy.

    Parameters
    ----------
    dx: float64 (C, n), exact, without spikes.  spikes: float64 (C, 2·chunks), to be added at `places`.
    gamma, beta: float64 (C,), exact.
    """

    dx: torch.Tensor
    spikes: torch.Tensor
    places: torch.Tensor
    gamma: np.ndarray
    beta: np.ndarray

    def fractions(self, shift: int) -> torch.Tensor:
        """dx · 2^shift with its fraction bits, spikes added; float32 (C, n)."""
        spikes = fraction(self.spikes, shift)
        return fraction(self.dx, shift).scatter_add_(1, self.places, spikes)


def parameters(values: torch.Tensor) -> Scalars:
    """gamma or beta, integers of LSB 2^−10, as scalars."""
    return scalars.from_floats(np.ldexp(values.numpy().astype(np.float64), -PARAMETER_FRACTION))


def forward(x: torch.Tensor, it: LayerState, statistics: Statistics) -> Normed:
    """x: real values (C, n), exact in float32 or float64."""
    host = _constants(x.shape[1])
    # APPLY's words have 24 bits with their sign, so float32 is exact.
    blocks = quantise(x, NORM_FORMAT.forward, GroupAxis.PIXELS)[0].to(torch.float32)
    own = statistics == Statistics.BATCH
    found = tensors.stat(blocks, host, NORM_FORMAT) if own else running(blocks, it)
    scale = parameters(it.gamma)
    y = tensors.apply_exact(blocks, found, scale, parameters(it.beta), NORM_FORMAT)
    return Normed(y, blocks, found, scale, host)


def standing(it: LayerState) -> tuple[Scalars, Scalars]:
    """(mean, scale) of a norm whose statistics are the running ones, (C,) each: what a device is loaded with.

    The mean is rounded to STANDING_FRACTION bits below the finest grid of x, so that sums of products with it
    stay in the bits that they have with a batch's; its largest size is that of x.
    """
    divisor = scalars.add(it.spread, scalars.spread(_EPSILON, it.spread))
    flat = it.spread.mantissa == 0
    grid = NORM_FORMAT.forward.grid - STANDING_FRACTION
    bits = NORM_FORMAT.forward.exponent_high + 1 - grid
    mean = scalars.normalise(scalars.to_grid(it.mean, np.asarray(grid), bits), grid)
    return mean, channel.reciprocal(divisor, NORM_FORMAT.reciprocal).where(~flat)


def running(x: torch.Tensor, it: LayerState) -> channel.Statistics:
    """The running statistics as those of a batch. The window holds twice the range of the values and zero,
    and twice the mean: a unit finds that of values alone."""
    mean, scale = standing(it)
    flat = it.spread.mantissa == 0
    reach = x.amax(1).clamp_min(0).to(torch.float64) - x.amin(1).clamp_max(0)
    finest = 2.0**NORM_FORMAT.forward.grid
    window = np.frexp(np.maximum(reach.numpy(), finest))[1].astype(np.int64)
    nowhere = np.zeros((len(x), 0), np.int64)
    return channel.Statistics(
        mean=mean,
        scale=scale,
        spread=it.spread,
        flat=flat,
        coarse=flat,
        window=np.where(mean.mantissa == 0, window, np.maximum(window, mean.top)) + 1,
        highest=nowhere,
        lowest=nowhere,
    )


def backward(errors: torch.Tensor, normed: Normed, statistics: Statistics) -> NormGradients:
    """errors: dy (C, n), integers −127…127 in float32, without exponent: all results are linear in dy.

    Running statistics are constants: dx is dy by the factor of the channel.
    """
    sums = tensors.reduce(normed.blocks, errors, normed.found, normed.gamma, normed.host, NORM_FORMAT)
    if statistics == Statistics.RUNNING:
        nothing = scalars.from_floats(np.zeros(len(errors)))
        sums = replace(sums, mean=nothing, spike=nothing)
    places, signs = tensors.spike_places(normed.found)
    spikes = torch.from_numpy(signs * sums.spike.floats()[:, None])
    # GRAD's words have more bits than float32.
    dx = tensors.grad_exact(errors.to(torch.float64), sums, NORM_FORMAT)
    return NormGradients(dx, spikes, places, sums.gamma.floats(), sums.beta.floats())


def followed(running: Scalars, batch: Scalars, share: int) -> Scalars:
    """running + (batch − running) · 2^−share, each operation rounded to a scalar."""
    gap = scalars.add(batch, Scalars(-running.mantissa, running.exponent))
    moved = np.where(gap.mantissa == 0, 0, gap.exponent - share)
    return scalars.add(running, Scalars(gap.mantissa, moved))
