"""The order of a batch's values: phase planes, as in the array's memory; docs/learning.md, section 3."""

import torch


def by_channel(x: torch.Tensor, degree: int) -> torch.Tensor:
    """(N, C, H, W) → (C, n), a copy: planes (y mod d)·d + x mod d; in a plane images, rows, pixels.

    `degree` (d) divides H and W.
    """
    images, channels, height, width = x.shape
    split = x.reshape(images, channels, height // degree, degree, width // degree, degree)
    return split.permute(1, 3, 5, 0, 2, 4).reshape(channels, -1)


def by_image(x: torch.Tensor, like: tuple[int, ...], degree: int) -> torch.Tensor:
    """(C, n) → (N, C, H, W) of shape `like`, contiguous: undoes `by_channel`."""
    images, channels, height, width = like
    split = x.reshape(channels, degree, degree, images, height // degree, width // degree)
    return split.permute(3, 0, 4, 1, 5, 2).reshape(like)
