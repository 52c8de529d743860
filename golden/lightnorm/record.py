"""What the LightNorm layers of a network met: flags by channel, for the last batch and all of them."""

from dataclasses import dataclass, fields, replace

import numpy as np

from golden.lightnorm.blocks import Bool
from golden.lightnorm.scalars import Int64


@dataclass(frozen=True)
class NormFlags:
    """In how many forward passes (of one batch: 0 or 1) a channel met what; int64 (C,) each.

    Parameters
    ----------
    batches: forward passes in training.
    nan, infinite: in the input, which is refused, or in the gradient that came in, which makes the
        channel's gradients NaN.
    overflow, underflow: of a group of x or y with a value of the channel: it saturated, or became zero
        though not all of it was.  gradient_overflow, gradient_underflow: the same of dy or dx; overflow
        also where dx, dγ or dβ is beyond the type of its tensor.
    flat: the channel's blocks have no range, so y = β.
    coarse: the spread is less than one step of the block format at the mean, and the channel was not
        constant before it was encoded: y says little or nothing of x.
    spike: the gradient's terms at the extremes were cut: they exceed their bits (BLOCK, CLIP) or the
        exponent of their group (CLIP).
    """

    batches: int
    nan: Int64
    infinite: Int64
    overflow: Int64
    underflow: Int64
    flat: Int64
    coarse: Int64
    gradient_overflow: Int64
    gradient_underflow: Int64
    spike: Int64

    def channels(self) -> dict[str, list[int]]:
        """Flag → the channels that met it; flags that no channel met are left out."""
        found = {name: np.flatnonzero(getattr(self, name)).tolist() for name in FLAGS}
        return {name: channels for name, channels in found.items() if channels}

    def __str__(self) -> str:
        """One line: each flag with its channels and, of several batches, how many met it."""
        parts = []
        for name, channels in self.channels().items():
            counts = getattr(self, name)
            each = [f"{c} ({counts[c]}x)" if self.batches > 1 else str(c) for c in channels]
            parts.append(f"{name}: {'channel' if len(each) == 1 else 'channels'} {', '.join(each)}")
        many = f"{self.batches} {'batch' if self.batches == 1 else 'batches'}"
        return f"{many}; {'; '.join(parts) or 'no flags'}"


FLAGS = tuple(field.name for field in fields(NormFlags) if field.name != "batches")


class Recorder:
    """Keeps a layer's flags.

    Parameters
    ----------
    channels: C.

    `last`: of the last forward pass in training, and of what came back to it.  `total`: since `reset`.
    """

    last: NormFlags
    total: NormFlags

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self.reset()

    def reset(self) -> None:
        """Forgets everything."""
        nothing = {name: np.zeros(self._channels, np.int64) for name in FLAGS}
        self.last = self.total = NormFlags(batches=0, **nothing)

    def forward(self, **met: Bool) -> None:
        """A batch begins: the masks (C,) of its forward pass."""
        nothing = {name: np.zeros(self._channels, np.int64) for name in FLAGS}
        masks = {name: mask.astype(np.int64) for name, mask in met.items()}
        self.last = NormFlags(batches=1, **(nothing | masks))
        self._count(met, 1)

    def backward(self, **met: Bool) -> None:
        """The masks (C,) of a backward pass; they join the last batch's."""
        self.last = replace(self.last, **{n: np.maximum(getattr(self.last, n), m) for n, m in met.items()})
        self._count(met, 0)

    def _count(self, met: dict[str, Bool], batches: int) -> None:
        sums = {name: getattr(self.total, name) + mask for name, mask in met.items()}
        self.total = replace(self.total, batches=self.total.batches + batches, **sums)
