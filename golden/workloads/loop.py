"""One training loop for every network: float, quantised, compressed."""

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import nn

from golden.progress import Progress, silent
from golden.workloads.adam import Adam
from golden.workloads.logits import class_logits, distillation


class Labelled(Protocol):
    """Images float32 (N, C, H, W) or (N, C, L) and labels int64 (N,)."""

    @property
    def images(self) -> torch.Tensor:
        """float32 (N, C, H, W)."""

    @property
    def labels(self) -> torch.Tensor:
        """int64 (N,)."""


class Memory(Protocol):
    """Keeps a training after each epoch, so that it can go on."""

    def load(self) -> dict[str, Any] | None:
        """Puts the module into the state that was kept; returns what `save` was given, or None."""

    def save(self, state: dict[str, Any]) -> None:
        """Keeps the module, and `state` of everything else."""


def fit(
    module: nn.Module,
    data: Labelled,
    epochs: int,
    seed: int = 0,
    progress: Progress = silent,
    *,
    rate: float = 3e-3,
    batch: int = 64,
    shift: int = 1,
    decay: float = 1e-4,
    at_step: Callable[[float], None] | None = None,
    at_epoch: Callable[[float], None] | None = None,
    teacher: nn.Module | None = None,
    trust: float = 0.0,
    memory: Memory | None = None,
) -> nn.Module:
    """Train in place with Adam, a rate that falls along a cosine, and small random shifts.

    Parameters
    ----------
    module: maps images to logits, (N, classes) or (N, classes, 1, 1).
    epochs: passes over the data; 0 leaves the module as it is.
    seed: of the order and the shifts; equal seeds give equal results where torch takes equal kernels.
    rate: first learning rate. batch: images of a step. decay: decoupled weight decay.
    shift: largest shift of an image in pixels, in both directions; 0 for none.
    at_step: called before each step with the fraction of all steps done, 0…1.
    at_epoch: called after each epoch with the mean loss of its images; it may put the module in eval mode.
    teacher: a network in eval mode whose logits are learnt beside the labels. trust: their share
        of the loss, 0…1.
    memory: keeps the training after each epoch; one that was interrupted goes on to the same bits.

    Returns the module in eval mode.
    Raises UnsupportedError where its output, or the teacher's, is no logits, before the first step.
    """
    generator = torch.Generator().manual_seed(seed)
    steps = len(batches(data.labels, batch))
    optimizer = Adam(_groups(module, decay), rate, rate * 0.01, max(1, epochs * steps))
    first = 0
    state = memory.load() if memory is not None else None
    if state is not None:
        optimizer.load_state_dict(state["optimizer"])
        generator.set_state(state["generator"])
        first = state["epoch"]
        progress(f"goes on behind epoch {first}", first / epochs)
    for epoch in range(first, epochs):
        progress(f"epoch {epoch + 1} of {epochs}", epoch / epochs)
        module.train()
        order = torch.randperm(len(data.labels), generator=generator)
        total = 0.0
        for step, chosen in enumerate(batches(order, batch)):
            if at_step is not None:
                at_step((epoch + step / steps) / epochs)
            images = shifted(data.images[chosen], shift, generator)
            logits = class_logits(module(images), len(images))
            loss = nn.functional.cross_entropy(logits, data.labels[chosen])
            if teacher is not None and trust > 0:
                with torch.no_grad():
                    wanted = class_logits(teacher(images), len(images))
                loss = (1 - trust) * loss + trust * distillation(logits, wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += float(loss.detach()) * len(chosen)
        if at_epoch is not None:
            at_epoch(total / len(order))
        if memory is not None:
            memory.save(
                {
                    "epoch": epoch + 1,
                    "optimizer": optimizer.state_dict(),
                    "generator": generator.get_state(),
                }
            )
    progress(f"epoch {epochs} of {epochs}", 1.0)
    return module.eval()


def batches(order: torch.Tensor, size: int) -> tuple[torch.Tensor, ...]:
    """`order` in parts of `size`; a last part of one joins the one before: batch norm on a map of one
    pixel has no variance of one image."""
    parts = order.split(size)
    if len(parts) > 1 and len(parts[-1]) == 1:
        parts = (*parts[:-2], torch.cat(parts[-2:]))
    return parts


def _groups(module: nn.Module, decay: float) -> list[tuple[list[torch.Tensor], float]]:
    """Weight decay for weights only: scales and biases are vectors."""
    parameters: list[torch.Tensor] = [it for it in module.parameters() if it.requires_grad]
    return [
        ([it for it in parameters if it.ndim > 1], decay),
        ([it for it in parameters if it.ndim <= 1], 0.0),
    ]


def shifted(images: torch.Tensor, largest: int, generator: torch.Generator) -> torch.Tensor:
    """Each image moved by −largest…largest pixels in both directions, filled with zeros.

    Of maps of one row or column, and of sequences (N, C, L), only along it; of features (N, F) none.
    """
    if largest == 0 or images.ndim == 2:
        return images
    if images.ndim == 3:
        return shifted(images.unsqueeze(2), largest, generator).squeeze(2)
    count, _, height, width = images.shape
    padded = nn.functional.pad(images, (largest,) * 4)
    moves = torch.randint(0, 2 * largest + 1, (2, count), generator=generator)
    for axis, size in enumerate((height, width)):
        if size == 1:
            moves[axis] = largest
    rows = moves[0, :, None] + torch.arange(height)
    columns = moves[1, :, None] + torch.arange(width)
    picked = padded.permute(0, 2, 3, 1)[
        torch.arange(count)[:, None, None], rows[:, :, None], columns[:, None]
    ]
    return picked.permute(0, 3, 1, 2).contiguous()


def accuracy(module: nn.Module, data: Labelled, batch: int = 500) -> float:
    """Fraction of images whose largest logit is their label; the first of equal logits counts."""
    module.eval()
    right = 0
    with torch.no_grad():
        for images, labels in zip(data.images.split(batch), data.labels.split(batch), strict=True):
            right += int((class_logits(module(images), len(images)).argmax(1) == labels).sum())
    return right / len(data.labels)
