"""LightNorm2d: batch norm that trains with the hardware's own arithmetic, forward and backward."""

from typing import Any

import numpy as np
import torch
from torch import nn

from golden.lightnorm import scalars, tensors
from golden.lightnorm.channel import Statistics
from golden.lightnorm.scalars import Scalars
from golden.lightnorm.tensors import LightNormOptions
from golden.spec.block import Constants, constants


def _by_channel(x: torch.Tensor) -> torch.Tensor:
    """(N, C, H, W) → (C, N·H·W)."""
    return x.transpose(0, 1).flatten(1)


def _by_image(x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """(C, N·H·W) → (N, C, H, W), contiguous, in the type of the layer's input."""
    images, channels, height, width = like.shape
    return x.reshape(channels, images, height, width).transpose(0, 1).to(like.dtype).contiguous()


def _scalars(values: torch.Tensor) -> Scalars:
    return scalars.from_floats(values.detach().to(torch.float64).cpu().numpy())


class _LightNorm(torch.autograd.Function):
    """y from x, gamma, beta; `found` tells the caller the statistics."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        gamma: torch.Tensor,
        beta: torch.Tensor,
        options: LightNormOptions,
        host: Constants,
        found: list[Statistics],
    ) -> torch.Tensor:
        fmt = options.format
        ctx.gamma = _scalars(gamma)
        ctx.options, ctx.host = options, host
        blocks = tensors.quantise(_by_channel(x).to(tensors.work_type(fmt)), fmt.forward, options.axis)
        statistics = tensors.stat(blocks, host, fmt)
        found.append(statistics)
        ctx.found = statistics
        ctx.save_for_backward(blocks)
        return _by_image(tensors.apply(blocks, statistics, ctx.gamma, _scalars(beta), options), x)

    @staticmethod
    def backward(ctx: Any, dy: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (x,) = ctx.saved_tensors
        fmt = ctx.options.format
        errors = tensors.quantise(_by_channel(dy).to(x.dtype), fmt.gradient, ctx.options.axis)
        gradients = tensors.reduce(x, errors, ctx.found, ctx.gamma, ctx.host, fmt)
        dx = _by_image(tensors.grad(errors, ctx.found, gradients, ctx.options), dy)
        d_gamma = torch.from_numpy(gradients.gamma.floats()).to(dy.device, dy.dtype)
        d_beta = torch.from_numpy(gradients.beta.floats()).to(dy.device, dy.dtype)
        return dx, d_gamma, d_beta, None, None, None


class LightNorm2d(nn.BatchNorm2d):
    """Range batch norm in block floating point, in place of torch.nn.BatchNorm2d.

    Constructor, `state_dict` and the behaviour of train and eval are BatchNorm2d's. In training,
    x, y, dy and dx pass through the unit's block formats. `running_var` follows (C·R)², the square
    of the range's estimate of the deviation, with no correction for n; in eval mode the layer is the
    affine map of the running statistics in plain floating point, which inference folds away.

    Parameters
    ----------
    num_features, eps, momentum, affine, track_running_stats, device, dtype, bias: as BatchNorm2d.
    options: formats, group axis, treatment of spikes, chunks.

    Input and output: (N, C, H, W). Training needs N·H·W ≥ 2, else FormatError.
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        bias: bool = True,
        options: LightNormOptions | None = None,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)
        self.options = LightNormOptions() if options is None else options

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) → the same shape and type."""
        if not self.training and self.running_mean is not None:
            return super().forward(input)
        self._check_input_dim(input)
        images, channels, height, width = input.shape
        if channels != self.num_features:
            raise ValueError(f"LightNorm2d: input has {channels} channels; expected {self.num_features}")
        host = constants(images * height * width, self.options.chunks, self.eps)
        gamma = input.new_ones(channels) if self.weight is None else self.weight
        beta = input.new_zeros(channels) if self.bias is None else self.bias
        found: list[Statistics] = []
        y: torch.Tensor = _LightNorm.apply(  # type: ignore[no-untyped-call]
            input, gamma, beta, self.options, host, found
        )
        if self.training and self.running_mean is not None:
            self._follow(found[0])
        return y

    @torch.no_grad()
    def _follow(self, found: Statistics) -> None:
        """Moves the running statistics towards a batch's."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        for running, values in (
            (self.running_mean, found.mean.floats()),
            (self.running_var, np.square(found.spread.floats())),
        ):
            running.lerp_(torch.from_numpy(values).to(running.device, running.dtype), share)

    def extra_repr(self) -> str:
        """BatchNorm2d's settings and the options."""
        settings = super().extra_repr()  # type: ignore[no-untyped-call]
        return f"{settings}, options={self.options}"


def _like(norm: nn.BatchNorm2d, kind: type[nn.BatchNorm2d], **more: Any) -> nn.BatchNorm2d:
    """A layer of another kind with a layer's settings, parameters (the same objects), buffers and mode."""
    to = kind(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats, **more)
    to.weight, to.bias = norm.weight, norm.bias
    to.running_mean, to.running_var = norm.running_mean, norm.running_var
    to.num_batches_tracked = norm.num_batches_tracked
    return to.train(norm.training)


def _swap(module: nn.Module, old: type[nn.Module], new: Any) -> nn.Module:
    if type(module) is old:
        return new(module)
    for name, child in module.named_children():
        setattr(module, name, _swap(child, old, new))
    return module


def swap_batch_norm(module: nn.Module, options: LightNormOptions | None = None) -> nn.Module:
    """Every BatchNorm2d inside becomes a LightNorm2d with its parameters, statistics and mode.

    Parameters
    ----------
    module: changed in place, unless it is itself a BatchNorm2d. options: of all new layers.

    Returns the module. Optimisers stay valid: parameters are the same objects. The statistics of a
    network trained with BatchNorm2d are variances, those of LightNorm2d ranges: a few steps of
    training follow, or the calibration of running statistics.
    """
    return _swap(module, nn.BatchNorm2d, lambda norm: _like(norm, LightNorm2d, options=options))


def restore_batch_norm(module: nn.Module) -> nn.Module:
    """Every LightNorm2d inside becomes a BatchNorm2d: in eval mode the same function, ready to be folded."""
    return _swap(module, LightNorm2d, lambda norm: _like(norm, nn.BatchNorm2d))
