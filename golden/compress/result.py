"""What `compress` gives back."""

from dataclasses import dataclass

import numpy as np

from golden.compress.compare import Comparison
from golden.compress.plan import CompressionPlan
from golden.compress.quantized import QuantizedNet
from golden.frontend.sequences import as_maps
from golden.graph.network import Network
from golden.graph.reference import run_network
from golden.machine.tensors import quantise
from golden.workloads.loop import Labelled

_BATCH = 128
"""Images that go through the reference at once: keeps memory flat."""


@dataclass(frozen=True)
class LayerReport:
    """One compressed layer.

    Parameters
    ----------
    path: of the module. kind: see `LayerPlan`, or "pooling", "gate". weights: of the dense layer.
    kept: coefficients in the mask; all weights of a plain layer.
    error: distance of the weights from the user's, ‖W − W'‖/‖W‖, after re-training if there was any.
    """

    path: str
    kind: str
    weights: int
    kept: int
    error: float


@dataclass(frozen=True)
class Compressed:
    """What `compress` gives back.

    Parameters
    ----------
    network: the integers that the compiler reads.
    plan: what was asked of each layer.
    layers: what became of each.
    module: the same network as a torch module (real images in, real logits out); in float64 it
        equals `network` to the last bit.
    comparison: with the float network, on the labelled images if there are any, else on the samples.
    warnings: what speaks against using the network, in words; empty if all is well.
    """

    network: Network
    plan: CompressionPlan
    layers: tuple[LayerReport, ...]
    module: QuantizedNet
    comparison: Comparison
    warnings: tuple[str, ...]

    @property
    def kept(self) -> float:
        """Kept coefficients ÷ all weights; plain weights count as kept."""
        return sum(layer.kept for layer in self.layers) / sum(layer.weights for layer in self.layers)

    def accuracy(self, data: Labelled) -> float:
        """Fraction of images that the integer network labels right."""
        return network_accuracy(self.network, data)


def network_accuracy(network: Network, data: Labelled) -> float:
    """Fraction of images that an integer network labels right; the first of equal logits counts."""
    images = quantise(as_maps(data.images).numpy(), network.features[network.input].scale)
    parts = np.split(images, range(_BATCH, len(images), _BATCH))
    logits = np.concatenate([run_network(network, part)[network.output] for part in parts])
    found = logits.reshape(len(logits), -1).argmax(1)
    return float((found == data.labels.numpy()).mean())
