"""Re-training with the projection in the loop: every forward pass uses the weights that will run."""

from dataclasses import dataclass

import torch

from golden.compress.calibrate import calibrate
from golden.compress.quantized import QuantizedNet
from golden.train.loop import Labelled, Progress, fit, silent


@dataclass(frozen=True)
class Schedule:
    """What happens when in re-training; fractions of the epochs.

    Parameters
    ----------
    prune: density falls until here, along a cube (Zhu, Gupta, arXiv 1710.01878); then the masks
        stay for the rest.
    norm: batch statistics until here; then batch norm is folded, everything is an integer as on
        the machine, and the activation grids are chosen once more.
    rate: first learning rate; batch, decay: see `golden.train.loop.fit`.
    """

    prune: float = 0.5
    norm: float = 0.7
    rate: float = 3e-3
    batch: int = 64
    decay: float = 1e-4


def density_at(target: float, progress: float) -> float:
    """Density on the way from 1 to `target`; progress 0…1."""
    return target + (1.0 - target) * (1.0 - min(1.0, progress)) ** 3


def prune(net: QuantizedNet, progress: float) -> None:
    """Choose the masks of all layers at `progress` of the way to their densities."""
    for layer in net.stages:
        layer.prune(density_at(layer.plan.density, progress))


def retrain(
    net: QuantizedNet,
    data: Labelled,
    samples: torch.Tensor,
    epochs: int,
    seed: int = 0,
    progress: Progress = silent,
    schedule: Schedule | None = None,
    shift: int = 1,
) -> QuantizedNet:
    """Train a quantised network in place.

    Parameters
    ----------
    samples: images for calibration.
    """
    schedule = schedule or Schedule()
    pruning = max(1, round(epochs * schedule.prune))
    norm = round(epochs * schedule.norm)
    calibrate(net, samples)

    def at_epoch(epoch: int) -> None:
        if epoch <= pruning:
            prune(net, (epoch + 1) / pruning)
        net.norm_mode = epoch < norm
        if epoch == norm:
            calibrate(net, samples)

    return fit(  # type: ignore[return-value]
        net,
        data,
        epochs,
        seed,
        progress,
        rate=schedule.rate,
        batch=schedule.batch,
        decay=schedule.decay,
        shift=shift,
        at_epoch=at_epoch,
    )
