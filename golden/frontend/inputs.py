"""Images and labels, checked before any work starts."""

import math
from typing import Any

import torch

from golden.frontend.sequences import as_maps
from golden.graph.floats import FloatGraph
from golden.spec.errors import UnsupportedError
from golden.workloads.logits import class_logits
from golden.workloads.loop import Labelled

REACH = 40
"""Images lie within ±2**REACH, and the largest value is not below 2**−REACH: float32 squares them."""


def check_images(images: Any, what: str) -> None:
    """Raises UnsupportedError unless `images` is a float32 tensor (N, C, H, W), (N, C, L) or (N, F) with
    N ≥ 1, finite and of a size that float32 can calculate with."""
    found = f"{type(images).__name__}"
    if isinstance(images, torch.Tensor):
        found = f"{images.dtype} of shape {tuple(images.shape)}"
        if images.dtype == torch.float32 and images.ndim in (2, 3, 4) and images.numel() > 0:
            if images.device.type != "cpu":
                found = f"images on device {images.device}"
            elif not bool(torch.isfinite(images).all()):
                found = "values that are not finite"
            else:
                _check_size(float(images.abs().max()), what)
                return
    raise UnsupportedError(
        f"{what}: found {found}; supported: a torch.float32 tensor of shape "
        "(images, channels, height, width), (images, channels, length) of sequences, or (images, features), "
        "on the cpu with at least one image and finite values"
    )


def _check_size(largest: float, what: str) -> None:
    if largest and not -REACH <= math.log2(largest) <= REACH:
        raise UnsupportedError(
            f"{what}: the largest magnitude is {largest:.3g}; supported: "
            f"{2.0**-REACH:.3g}…{2.0**REACH:.3g}; scale the images as the network was trained on them"
        )


def check_training(data: Labelled, graph: FloatGraph, logits: torch.Tensor) -> None:
    """Raises UnsupportedError unless labelled images fit a network.

    Parameters
    ----------
    logits: what the network itself gives for one image.
    """
    check_images(data.images, "training images")
    shape, wanted = tuple(as_maps(data.images).shape[1:]), graph.shapes[graph.input]
    if shape != wanted:
        raise UnsupportedError(f"training images: found shape {shape}; the sample images have {wanted}")
    labels, classes = data.labels, class_logits(logits, 1).shape[1]
    if labels.dtype != torch.int64 or labels.shape != data.images.shape[:1]:
        raise UnsupportedError(
            f"training labels: found {labels.dtype} of shape {tuple(labels.shape)}; supported: "
            f"torch.int64 of shape ({len(data.images)},), one for each image"
        )
    if not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise UnsupportedError(
            f"training labels: found {int(labels.min())}…{int(labels.max())}; the network's last layer "
            f"{graph.output!r} has classes 0…{classes - 1}"
        )
