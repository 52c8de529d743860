"""Re-training with the projection in the loop: every forward pass uses the weights that will run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from golden.compress.calibrate import calibrate, restore_statistics
from golden.compress.quantized import QuantizedNet
from golden.compress.resume import Resume, training_key
from golden.progress import Progress, silent
from golden.spec.errors import UnsupportedError
from golden.workloads.average import Average
from golden.workloads.loop import Labelled, batches, fit

PRUNINGS = 40
"""Times that the masks are chosen anew on the way to the density."""

EXACT = 1e-9
"""More than the rounding of a fraction of steps done, less than a step."""


@dataclass(frozen=True)
class Schedule:
    """What happens when in re-training; fractions of the epochs.

    Parameters
    ----------
    prune: density falls until here, along a cube (Zhu, Gupta, arXiv 1710.01878); then the masks
        stay for the rest.
    norm: batch statistics until here; then batch norm is folded, everything is an integer as on
        the machine, and the activation grids are chosen once more.
    average: the weights that remain are the mean of those after every step from here to the end, so
        that the result hangs less on the last batches, or on a machine's way of rounding; 1 for those of
        the last step alone. Not before the masks stay.
    rate: first learning rate; batch, decay, trust: see `golden.workloads.loop.fit`; the teacher is the
        float network.
    """

    prune: float = 0.5
    norm: float = 0.7
    average: float = 0.8
    rate: float = 3e-3
    batch: int = 64
    decay: float = 1e-2
    trust: float = 0.7

    def __post_init__(self) -> None:
        if self.batch < 2:
            raise UnsupportedError(f"schedule: batch = {self.batch}; supported: 2 or more")
        if not self.prune <= self.average <= 1:
            raise UnsupportedError(
                f"schedule: average = {self.average}; supported: {self.prune} (prune) to 1, "
                "because only weights of the same mask can be averaged"
            )


def density_at(target: float, progress: float) -> float:
    """Density on the way from 1 to `target`; progress 0…1."""
    return target + (1.0 - target) * (1.0 - min(1.0, progress)) ** 3


def prune(net: QuantizedNet, progress: float) -> None:
    """Choose the masks of all layers at `progress` of the way to their densities."""
    for layer in net.stages:
        layer.prune(density_at(layer.plan.density, progress))


def at_once(net: QuantizedNet, samples: torch.Tensor) -> None:
    """Compress without training: the masks of the plan's densities, batch norm and grids to match."""
    for layer in net.stages:
        layer.refit(layer.plan.density)
    restore_statistics(net, samples)
    calibrate(net, samples)


def retrain(
    net: QuantizedNet,
    data: Labelled,
    samples: torch.Tensor,
    epochs: int,
    seed: int = 0,
    progress: Progress = silent,
    schedule: Schedule | None = None,
    shift: int = 0,
    teacher: nn.Module | None = None,
    resume: Path | None = None,
) -> QuantizedNet:
    """Train a quantised network in place; afterwards every layer keeps its density exactly.

    Where the steps are too few to prune on the way, the network is compressed as it is and its masks
    stay. The weights are averaged at the end (`Schedule.average`), as real numbers: rounding to what runs
    comes after, as in every forward pass, and the grids are chosen for the mean.

    Parameters
    ----------
    samples: images for calibration. shift: of the images in training, in pixels.
    teacher: the float network in eval mode, or None to learn from labels alone.
    resume: file that keeps the training after each epoch. Where it holds this very one, interrupted or at its
        end, it goes on, to the same bits.

    Raises LightDealError where `resume` cannot be written.
    """
    schedule = schedule or Schedule()
    if resume is not None:
        given = (data.images, data.labels, samples, epochs, seed, schedule, shift)
        key = training_key(net, net.plan, *given)
    steps = epochs * len(batches(data.labels, schedule.batch))
    on_the_way = steps * schedule.prune >= PRUNINGS
    if on_the_way:
        calibrate(net, samples)
    else:
        at_once(net, samples)
    net.norm_mode = schedule.norm > 0
    pruned = 0 if on_the_way else PRUNINGS
    average = Average(net)
    # The last step begins a step before the end: the masks must stand by then.
    full = min(schedule.prune, 1 - 1 / max(1, steps))

    def at_step(done: float) -> None:
        nonlocal pruned
        stage = PRUNINGS if done >= full - EXACT else 1 + int(done / schedule.prune * (PRUNINGS - 1))
        if stage > pruned:
            pruned = stage
            prune(net, stage / PRUNINGS)
        if net.norm_mode and done >= schedule.norm:
            net.norm_mode = False
            calibrate(net, samples)
        if done >= schedule.average:
            average.take()

    def adopt(kept: dict[str, Any]) -> None:
        nonlocal pruned
        pruned, average.state = kept["pruned"], kept["average"]

    memory = None
    if resume is not None:
        memory = Resume(resume, key, net, lambda: {"pruned": pruned, "average": average.state}, adopt)
    fit(
        net,
        data,
        epochs,
        seed,
        progress,
        rate=schedule.rate,
        batch=schedule.batch,
        decay=schedule.decay,
        shift=shift,
        at_step=at_step,
        teacher=teacher,
        trust=schedule.trust,
        memory=memory,
    )
    average.take()
    average.adopt()
    net.norm_mode = False
    calibrate(net, samples)
    return net
