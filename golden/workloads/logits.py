"""What counts as the logits of a network, for every loss and every count of labels."""

import torch
from torch import nn

from golden.spec.errors import UnsupportedError

SOFTNESS = 3.0
"""Temperature of distillation."""


def class_logits(output: torch.Tensor, count: int) -> torch.Tensor:
    """A network's output for `count` images as logits (N, classes).

    A head that is a convolution or a global pooling gives (N, classes, 1, 1), of a sequence
    (N, classes, 1), which means the same.

    Raises UnsupportedError for every other shape: labels are one for each image.
    """
    shape = tuple(output.shape)
    if len(shape) in (2, 3, 4) and shape[0] == count and set(shape[2:]) <= {1}:
        return output.reshape(shape[:2])
    raise UnsupportedError(
        f"labels for a network whose output for {count} images has shape {shape}; supported: logits of "
        "shape (images, classes) or (images, classes, 1, 1), so end a map in global average pooling, or in "
        "Flatten and Linear"
    )


def distillation(logits: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Divergence of two networks' softened classes, both logits (N, classes).

    Source: G. Hinton, O. Vinyals, J. Dean, Distilling the Knowledge in a Neural Network,
    arXiv 1503.02531.
    Raises UnsupportedError if the shapes differ.
    """
    if logits.shape != wanted.shape:
        raise UnsupportedError(
            f"distillation: the network gives logits of shape {tuple(logits.shape)}, the network that "
            f"teaches it {tuple(wanted.shape)}; supported: equal shapes"
        )
    found = nn.functional.log_softmax(logits / SOFTNESS, 1)
    target = nn.functional.log_softmax(wanted / SOFTNESS, 1)
    loss = nn.functional.kl_div(found, target, reduction="batchmean", log_target=True)
    return loss * SOFTNESS**2
