"""What is trained to compare LightNorm with batch norm, and what that chose."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from golden.lightnorm import LightNormOptions
from golden.spec.block import GroupAxis, Rounding, Spikes, light


@dataclass(frozen=True)
class Norm:
    """A LightNorm layer: `golden.spec.block.light` with what the screening varies.

    Parameters
    ----------
    axis, spikes, chunks: see `golden.lightnorm.LightNormOptions`.
    rounding, group: of all values.  spike: see `golden.spec.block.NormFormat`.
    """

    axis: GroupAxis = GroupAxis.PIXELS
    rounding: Rounding = Rounding.NEAREST
    spikes: Spikes = Spikes.BLOCK
    group: int = 4
    spike: int = 16
    chunks: int = 8

    def options(self) -> LightNormOptions:
        """For `golden.lightnorm.swap_batch_norm`."""
        fmt = replace(light(self.group, self.rounding), spike=self.spike)
        return LightNormOptions(fmt, self.axis, self.spikes, self.chunks)


@dataclass(frozen=True)
class Settings:
    """One training: same settings, same result (on one kind of processor, with the same versions).

    Parameters
    ----------
    norm: of the layers; None for FP32 torch.nn.BatchNorm2d.
    images: the first so many training images.  epochs: passes over them.
    seed: of the initial weights, the order of the images and their shifts.
    rate, batch, decay: see `golden.workloads.fit`.
    """

    norm: Norm | None
    images: int = 20_000
    epochs: int = 10
    seed: int = 1
    rate: float = 1e-2
    batch: int = 128
    decay: float = 1e-2

    @property
    def name(self) -> str:
        """Unique among settings; the name of the file that keeps the result."""
        if self.norm is None:
            kind = "batchnorm"
        else:
            it = self.norm
            kind = f"{it.axis}-{it.rounding}-{it.spikes}-g{it.group}-s{it.spike}-k{it.chunks}"
        how = f"r{self.rate:g}-b{self.batch}-d{self.decay:g}"
        return f"{kind}-n{self.images}-e{self.epochs}-{how}-seed{self.seed}"


BASE = Norm()
CHOSEN = replace(BASE, spikes=Spikes.APART, spike=0)
"""What the screening chose. With spikes apart GRAD adds none, so their width does not matter."""

SCREENED = (
    BASE,
    replace(BASE, axis=GroupAxis.CHANNELS),
    replace(BASE, rounding=Rounding.TRUNCATE),
    replace(BASE, spikes=Spikes.CLIP),
    replace(BASE, spikes=Spikes.CLIP, spike=1),
    CHOSEN,
    replace(BASE, group=32),
    replace(CHOSEN, group=32),
    replace(CHOSEN, axis=GroupAxis.CHANNELS),
)
"""One change at a time from `BASE`, then from `CHOSEN`."""

RATES = (1e-3, 3e-3, 1e-2, 3e-2)
"""Learning rates that batch norm is tried with; LightNorm takes the one that is best for batch norm."""


def screening(images: int, epochs: int) -> Iterator[Settings]:
    """One seed: batch norm at every rate, then every screened LightNorm at the default rate."""
    for rate in RATES:
        yield Settings(None, images, epochs, rate=rate)
    for norm in SCREENED:
        yield Settings(norm, images, epochs)


def confirmation(images: int, epochs: int, seeds: Iterable[int]) -> Iterator[Settings]:
    """Batch norm and the chosen LightNorm, seed by seed."""
    for seed in seeds:
        for norm in (None, CHOSEN):
            yield Settings(norm, images, epochs, seed)
