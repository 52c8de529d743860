"""LightNorm as a function of autograd: forward and backward by the unit's arithmetic, with its flags."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from golden.lightnorm import scalars, tensors
from golden.lightnorm.blocks import Bool
from golden.lightnorm.channel import Statistics
from golden.lightnorm.checks import NormError, check_arrived, check_fits
from golden.lightnorm.quantise import quantise
from golden.lightnorm.record import Recorder
from golden.lightnorm.scalars import Scalars
from golden.lightnorm.tensors import LightNormOptions
from golden.lightnorm.unit import chunk_slices
from golden.spec.block import Constants, NormFormat


def _by_channel(x: torch.Tensor) -> torch.Tensor:
    """(N, C, H, W) → (C, N·H·W)."""
    return x.transpose(0, 1).flatten(1)


def _by_image(x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """(C, N·H·W) → (N, C, H, W), contiguous, in the type of the layer's input."""
    images, channels, height, width = like.shape
    return x.reshape(channels, images, height, width).transpose(0, 1).to(like.dtype).contiguous()


def _scalars(values: torch.Tensor) -> Scalars:
    """Parameters (C,), which travel as float32."""
    return scalars.from_floats(values.detach().to(torch.float32).to(torch.float64).cpu().numpy())


@dataclass(frozen=True)
class Layer:
    """What a pass needs of its layer."""

    options: LightNormOptions
    host: Constants
    recorder: Recorder
    where: str


class _Once(torch.autograd.Function):
    """Gradients as they are; to differentiate them again is refused."""

    @staticmethod
    def forward(
        ctx: Any, where: str, anchor: torch.Tensor, dy: torch.Tensor, *found: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        ctx.where = where
        return tuple(each.clone() for each in found)

    @staticmethod
    def backward(ctx: Any, *_: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        raise NormError(
            f"{ctx.where}: its gradients were differentiated again (create_graph, a gradient penalty); "
            "legal: first derivatives, for rounding to blocks leaves no second ones"
        )


class LightNormFunction(torch.autograd.Function):
    """y from x, gamma, beta; `found` tells the caller the statistics, the layer's recorder takes the flags.

    `anchor`: of no elements, with the history of all three, for which they need not be kept.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        gamma: torch.Tensor,
        beta: torch.Tensor,
        anchor: torch.Tensor,
        layer: Layer,
        found: list[Statistics],
    ) -> torch.Tensor:
        options, host = layer.options, layer.host
        fmt = options.format
        values = _by_channel(x)
        blocks, met = quantise(_read(values, fmt), fmt.forward, options.axis)
        if met.nan.any() or met.infinite.any():
            layer.recorder.forward(nan=met.nan, infinite=met.infinite)
            check_arrived(x, layer.where)
        blocks = blocks.to(tensors.work_type(fmt))
        statistics = tensors.stat(blocks, host, fmt)
        ctx.gamma = _scalars(gamma)
        y, out = tensors.apply(blocks, statistics, ctx.gamma, _scalars(beta), options)
        layer.recorder.forward(
            overflow=met.overflow | out.overflow,
            underflow=met.underflow | out.underflow,
            flat=statistics.flat,
            coarse=statistics.coarse & ~_without_range(values, statistics.coarse, host),
        )
        if torch.finfo(x.dtype).max < fmt.forward.largest_value:
            check_fits(y, x.dtype, layer.where)
        found.append(statistics)
        ctx.found, ctx.layer, ctx.parameter = statistics, layer, (gamma.device, gamma.dtype)
        ctx.save_for_backward(blocks, anchor)
        return _by_image(y, x)

    @staticmethod
    def backward(ctx: Any, dy: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        with torch.no_grad():
            results = _gradients(ctx, dy)
        if torch.is_grad_enabled():
            anchor = ctx.saved_tensors[1]
            results = _Once.apply(ctx.layer.where, anchor, dy, *results)  # type: ignore[no-untyped-call]
        return *results, None, None, None


def anchor(*tensors: torch.Tensor) -> torch.Tensor:
    """A tensor of no elements that has the history of all."""
    return torch.cat([each[:0].flatten() for each in tensors]).clone()


def _read(values: torch.Tensor, fmt: NormFormat) -> torch.Tensor:
    """In a type that holds both the values and their blocks: no rounding comes before the blocks' own."""
    return values.to(torch.promote_types(values.dtype, tensors.work_type(fmt)))


def _without_range(values: torch.Tensor, which: Bool, host: Constants) -> Bool:
    """bool (C,): those of the channels `which` whose chunks were constant before they were encoded."""
    result = np.zeros_like(which)
    if which.any():
        some = values[torch.from_numpy(which).to(values.device)]
        parts = [some[:, part] for part in chunk_slices(host.chunks)]
        still = torch.stack([part.amax(1) == part.amin(1) for part in parts]).all(0)
        result[which] = still.cpu().numpy()
    return result


def _gradients(ctx: Any, dy: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """(dx, dγ, dβ) of one backward pass; its flags go to the recorder.

    A channel whose dy holds a NaN or an infinity has NaN in all three, as in BatchNorm2d.
    """
    x = ctx.saved_tensors[0]
    options = ctx.layer.options
    fmt = options.format
    errors, met = quantise(_read(_by_channel(dy), fmt), fmt.gradient, options.axis)
    errors = errors.to(x.dtype)
    gradients = tensors.reduce(x, errors, ctx.found, ctx.gamma, ctx.layer.host, fmt)
    exact, out, cut = tensors.grad(errors, ctx.found, gradients, options)
    dx = _by_image(exact, dy)
    device, kind = ctx.parameter
    sums = [torch.from_numpy(it.floats()).to(device, kind) for it in (gradients.gamma, gradients.beta)]
    beyond = np.logical_or(*(~each.isfinite().cpu().numpy() for each in sums))
    # A sum is far cheaper than a look at every value; finite values may still add up to infinity.
    if not math.isfinite(float(dx.sum())):
        beyond |= ~dx.isfinite().all(3).all(2).all(0).cpu().numpy()
    ctx.layer.recorder.backward(
        nan=met.nan,
        infinite=met.infinite,
        gradient_overflow=met.overflow | out.overflow | beyond,
        gradient_underflow=met.underflow | out.underflow,
        spike=cut,
    )
    lost = met.nan | met.infinite
    if lost.any():
        for each, axis in ((dx, 1), (sums[0], 0), (sums[1], 0)):
            places = torch.from_numpy(np.flatnonzero(lost)).to(each.device)
            each.index_fill_(axis, places, math.nan)
    return dx, sums[0], sums[1]
