"""What was measured of a program's integers beside floats, and what is near enough."""

import math
from dataclasses import dataclass

from golden.spec.errors import LightDealError

ROUNDING = 2.0
"""Most that rounding explains of a channel's error, see `TensorDistance.steps`. Measured: layers of
all kinds, with weights and images of even and very uneven size, have at most 1.2, most of them 0.5."""


@dataclass(frozen=True)
class Bounds:
    """What is near enough.

    Networks that were compressed as they should be, re-trained or not, keep more, less of it with channels or
    images of very uneven size; one scale or shift that is wrong by a factor of two leaves far less.

    Parameters
    ----------
    snr: smallest signal-to-noise ratio of a tensor against the compressed network, in dB; 0 for none,
        and for none on what rounding explains (`ROUNDING`).
    changed: largest share of labels that may differ from those of the user's own network; a single
        label may, however few there are, unless this is 0; 1 for all.

    Raises LightDealError naming what is out of range.
    """

    snr: float = 15.0
    changed: float = 0.1

    def __post_init__(self) -> None:
        if not 0 <= self.snr < math.inf:
            raise LightDealError(f"bound snr = {self.snr:g}; legal: decibels from 0 on")
        if not 0 <= self.changed <= 1:
            raise LightDealError(f"bound changed = {self.changed:g}; legal: a share from 0 to 1")

    @property
    def demand(self) -> bool:
        """Something is demanded."""
        return self.snr > 0 or self.changed < 1

    def allowed(self, labels: int) -> int:
        """How many of so many labels may change."""
        return max(math.floor(self.changed * labels), int(self.changed > 0))


@dataclass(frozen=True)
class TensorDistance:
    """How far one tensor's integers, times their scale, are from floats.

    Parameters
    ----------
    tensor: its name. layer: path of the layer that writes it, or the tensor's name for the input.
    snr: against the compressed network, 10·log10(Σ float² / Σ (integer · scale − float)²), in dB; inf
        where nothing differs. Everything that happened before this tensor counts.
    steps: error of this layer alone, which the compressed network computes from the integers that
        the layer read: root mean square of its worst channel, in the coarsest step that the layer
        rounds to, or in 1/40 of the channel's root mean square where that is more. 0 for the input.
    channel: that channel.
    saturated: share of values at −128 or 127.
    own_snr: `snr` against the user's own network; small behind pruned weights, re-trained or not.
    """

    tensor: str
    layer: str
    snr: float
    steps: float
    channel: int
    saturated: float
    own_snr: float

    def near(self, bounds: Bounds) -> bool:
        """Near enough. Numbers that are none are not."""
        return bounds.snr == 0 or (self.snr >= bounds.snr and self.steps <= ROUNDING)

    def __str__(self) -> str:
        name = self.layer if self.layer == self.tensor else f"{self.layer} (tensor {self.tensor})"
        return f"{name} ({self.snr:.1f} dB; channel {self.channel} is off by {self.steps:.1f} steps)"


@dataclass(frozen=True)
class Distances:
    """How far a program's integers are from floats.

    Parameters
    ----------
    tensors: in order of production, the input first.
    labels: how many labels were compared. A pixel of the output has one: its largest channel.
    changed: labels that differ from those of the user's own network. A pixel of an output of one
        channel counts as changed where it is further from the float one than half the standard
        deviation of all of them.
    clipped: share of the input's values that int8 cannot reach.
    """

    tensors: tuple[TensorDistance, ...]
    labels: int
    changed: int
    clipped: float

    @property
    def share(self) -> float:
        """Share of the labels that changed."""
        return self.changed / self.labels

    @property
    def worst(self) -> TensorDistance:
        """The tensor with the smallest signal-to-noise ratio."""
        return min(self.tensors, key=lambda it: (not math.isnan(it.snr), it.snr))

    def faults(self, bounds: Bounds) -> list[str]:
        """What is not near enough, a sentence each; names the first layer, and the worst."""
        found = []
        far = [it for it in self.tensors if not it.near(bounds)]
        if far:
            found.append(
                f"{len(far)} of {len(self.tensors)} tensors are too far from the floats that their integers "
                f"stand for; first {far[0]}, worst {self.worst}; demanded: {bounds.snr:g} dB and at most "
                f"{ROUNDING:g} steps"
            )
        if self.changed > bounds.allowed(self.labels):
            found.append(
                f"{self.changed} of {self.labels} labels ({self.share:.1%}) are not those of the float "
                f"network before compression; at most {bounds.changed:.1%} may differ"
            )
        return found
