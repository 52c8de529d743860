"""LightNorm2d: batch norm that trains with the hardware's own arithmetic, forward and backward."""

import numpy as np
import torch
from torch import nn

from golden.lightnorm.autograd import Layer, LightNormFunction, anchor
from golden.lightnorm.channel import Statistics
from golden.lightnorm.checks import check_divisor, check_followed, check_input, check_settings, check_state
from golden.lightnorm.record import NormFlags, Recorder
from golden.lightnorm.tensors import LightNormOptions
from golden.spec.block import constants


class LightNorm2d(nn.BatchNorm2d):
    """Range batch norm in block floating point, in place of torch.nn.BatchNorm2d.

    Constructor, `state_dict` and the behaviour of train and eval are BatchNorm2d's. In training,
    x, y, dy and dx pass through the unit's block formats. `running_var` follows (C·R)², the square
    of the range's estimate of the deviation, with no correction for n; in eval mode the layer is the
    affine map of the running statistics in plain floating point, which inference folds away.

    What is not a number is never made one: gamma, beta and running statistics that are not finite are
    refused in training and in eval mode, an input that is not in training; a NaN or an infinity in the
    gradient that comes in makes the channel's gradients NaN. `flags` tells the rest.

    Parameters
    ----------
    num_features, eps, momentum, affine, track_running_stats, device, dtype, bias: as BatchNorm2d.
    options: formats, group axis, treatment of spikes, chunks.

    path: where the layer is in its network, for errors; `swap_batch_norm` fills it in.

    Input and output: (N, C, H, W). Training needs N·H·W ≥ 2. Raises NormError naming what is wrong,
    layer and channel; gradients can be differentiated once.
    """

    path: str = ""

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
        self._recorder = Recorder(num_features)
        check_settings(self, "LightNorm2d")

    @property
    def flags(self) -> NormFlags:
        """What the last batch met."""
        return self._recorder.last

    @property
    def all_flags(self) -> NormFlags:
        """What all batches met since the layer was made or `reset_flags` was called."""
        return self._recorder.total

    def reset_flags(self) -> None:
        """Forgets `flags` and `all_flags`."""
        self._recorder.reset()

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) → the same shape and type."""
        where = f"LightNorm2d at {self.path}" if self.path else "LightNorm2d"
        own = self.training or self.running_mean is None
        check_settings(self, where)
        check_input(self, input, own, where)
        check_state(self, where)
        if not own:
            check_divisor(self, where)
            return super().forward(input)
        images, channels, height, width = input.shape
        host = constants(images * height * width, self.options.chunks, self.eps)
        gamma = input.new_ones(channels) if self.weight is None else self.weight
        beta = input.new_zeros(channels) if self.bias is None else self.bias
        found: list[Statistics] = []
        layer = Layer(self.options, host, self._recorder, where)
        y: torch.Tensor = LightNormFunction.apply(  # type: ignore[no-untyped-call]
            input, gamma, beta, anchor(input, gamma, beta), layer, found
        )
        if self.training and self.track_running_stats and self.running_mean is not None:
            self._follow(found[0], where)
        return y

    @torch.no_grad()
    def _follow(self, found: Statistics, where: str) -> None:
        """Moves the running statistics towards a batch's; nothing is written where one would not fit."""
        batches = 1 if self.num_batches_tracked is None else int(self.num_batches_tracked) + 1
        share = 1 / batches if self.momentum is None else self.momentum
        moved = []
        for name, values in (
            ("running_mean", found.mean.floats()),
            ("running_var", np.square(found.spread.floats())),
        ):
            running = getattr(self, name)
            batch = torch.from_numpy(values).to(running.device)
            following = running.lerp(batch.to(running.dtype), share)
            if not bool(following.isfinite().all()):
                # A difference or a square may be beyond a type that holds the result.
                wide = running.to(torch.float64).lerp(batch, share)
                following = wide.to(running.dtype)
                check_followed(following, wide, name, where)
            moved.append((running, following))
        for running, following in moved:
            running.copy_(following)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.fill_(batches)

    def extra_repr(self) -> str:
        """BatchNorm2d's settings and the options."""
        settings = super().extra_repr()  # type: ignore[no-untyped-call]
        return f"{settings}, options={self.options}"
