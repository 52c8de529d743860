"""Data in the shapes of the zoo's networks, and their training."""

import math

import torch
from torch import nn

from golden.progress import Progress, silent
from golden.workloads.data import Dataset
from golden.workloads.loop import batches, fit
from golden.workloads.zoo import Entry

_LABELS = 10


def shaped(entry: Entry, data: Dataset) -> Dataset:
    """Pictures of one channel, (N, 1, H, W), in the shape of the network's images.

    They are scaled to height and width and repeated in every channel; where an image is no picture, the
    picture's pixels become its values row by row. Label l of ten becomes l · classes // 10.
    """
    channels, *size = entry.image
    picture = len(size) == 2 and min(size) > 1
    # A sequence, or a vector: a picture of its values, its channels below each other.
    shape = tuple(size) if picture else _near_square(math.prod(entry.image))
    images = nn.functional.interpolate(data.images, shape, mode="bilinear", antialias=True)
    if picture:
        images = images.expand(-1, channels, -1, -1)
    images = images.reshape(-1, *entry.image).contiguous()
    return Dataset(data.name, images, data.labels * max(entry.classes, 1) // _LABELS)


def _near_square(values: int) -> tuple[int, int]:
    """Height ≤ width of so many values."""
    height = next(it for it in range(math.isqrt(values), 0, -1) if values % it == 0)
    return height, values // height


def train(entry: Entry, data: Dataset, epochs: int, seed: int = 0, progress: Progress = silent) -> nn.Module:
    """The network, trained; in eval mode. Without epochs its batch norms see the images once."""
    torch.manual_seed(seed)
    module = entry.make()
    if not epochs:
        module.train()
        with torch.no_grad():
            module(data.images[:256])
        return module.eval()
    if entry.classes:
        return fit(module, data, epochs, seed, progress, batch=entry.batch, shift=0)
    return _fit_images(module, data, epochs, seed, progress, entry.batch)


def _fit_images(
    module: nn.Module, data: Dataset, epochs: int, seed: int, progress: Progress, batch: int
) -> nn.Module:
    """Trains a network to give its images again, in the least squares."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-3)
    module.train()
    for epoch in range(epochs):
        progress(f"epoch {epoch + 1} of {epochs}", epoch / epochs)
        for chosen in batches(torch.randperm(len(data), generator=generator), batch):
            images = data.images[chosen]
            loss = nn.functional.mse_loss(module(images).reshape(images.shape), images)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
    progress(f"epoch {epochs} of {epochs}", 1.0)
    return module.eval()
