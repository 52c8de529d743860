"""How far a compressed network is from the float network that it was made from, on the user's images."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from golden.graph.network import Network
from golden.graph.reference import run_network
from golden.machine.tensors import quantise
from golden.workloads.logits import class_logits

MOST = 1000
"""Images that are compared: enough for a few points of accuracy."""


@dataclass(frozen=True)
class Comparison:
    """The integer network beside the float network.

    Parameters
    ----------
    images: how many were compared, spread evenly over those given.
    agreement: share of them (of the pixels, where the output is a map) that get the same label from both:
        the first of the largest logits. Where there is one logit alone, the share of its variance that the
        integers explain. 0…1.
    accuracy, float_accuracy: shares of right labels, 0…1; None without labels.
    """

    images: int
    agreement: float
    accuracy: float | None = None
    float_accuracy: float | None = None

    @property
    def lost(self) -> float:
        """Accuracy lost to the float network; without labels the share that does not agree with it."""
        if self.accuracy is None or self.float_accuracy is None:
            return 1.0 - self.agreement
        return self.float_accuracy - self.accuracy

    def __str__(self) -> str:
        if self.accuracy is None or self.float_accuracy is None:
            return f"{self.agreement:.2%} of {self.images} images as the float network says"
        return (
            f"{self.accuracy:.2%} of {self.images} labels right, the float network "
            f"{self.float_accuracy:.2%}; both say the same of {self.agreement:.2%}"
        )


def compare(
    network: Network, module: nn.Module, images: torch.Tensor, labels: torch.Tensor | None
) -> Comparison:
    """Run both on at most `MOST` images.

    Parameters
    ----------
    module: the float network in eval mode.
    images: float32 (N, C, H, W). labels: int64 (N,), or None.
    """
    chosen = torch.linspace(0, len(images) - 1, min(len(images), MOST), dtype=torch.float64).round().long()
    some = images[chosen]
    with torch.no_grad():
        wanted = torch.cat([module(part) for part in some.split(250)])
    whole = run_network(network, quantise(some.numpy(), network.features[network.input].scale))[
        network.output
    ]
    got = torch.from_numpy(whole.astype(np.float64) * network.features[network.output].scale)
    got, wanted = got.reshape(wanted.shape), wanted.double()
    if labels is None:
        return Comparison(len(some), _agreement(got, wanted))
    right = [
        float((class_logits(output, len(some)).argmax(1) == labels[chosen]).double().mean())
        for output in (got, wanted)
    ]
    return Comparison(len(some), _agreement(got, wanted), *right)


def _agreement(got: torch.Tensor, wanted: torch.Tensor) -> float:
    if wanted.shape[1] > 1:
        return float((got.argmax(1) == wanted.argmax(1)).double().mean())
    error, spread = (got - wanted).square().sum(), (wanted - wanted.mean()).square().sum()
    if not spread:
        spread = wanted.square().sum().clamp_min(torch.finfo(wanted.dtype).tiny)
    return float((1 - error / spread).clamp_min(0))
