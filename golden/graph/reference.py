"""The reference network: what a Network computes, from the mathematics, without the machine."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from golden.graph.joined import complete
from golden.graph.network import Layer, Network

Int8 = npt.NDArray[np.int8]


def run_layer(layer: Layer, features: Mapping[str, Int8]) -> Int8:
    """One layer: what it reads, int8 (N, C, H, W) by name → its output feature, int8."""
    values = layer.sums(features)
    for operation in layer.epilogue:
        values = operation.run(values, features)
    return values.astype(np.int8)


def run_network(
    network: Network, images: Int8, on_layer: Callable[[Layer], None] | None = None
) -> dict[str, Int8]:
    """Every feature of the network for a batch.

    Parameters
    ----------
    images: int8, shape (N, C, H, W), values of the input feature.
    on_layer: called after each layer, for progress.

    Returns feature name → int8 (N, C, H, W), the input included.
    Raises ValueError if the images are not int8 of the input's shape.
    """
    shape = network.features[network.input].shape
    if images.dtype != np.int8 or images.ndim != 4 or images.shape[1:] != shape:
        raise ValueError(
            f"images: got {images.dtype} of shape {images.shape}; "
            f"expected int8 of shape (images, {', '.join(map(str, shape))})"
        )
    features = {network.input: images}
    for layer in network.layers:
        features[layer.output] = run_layer(layer, features)
        complete(features, network.joined, lambda parts: np.concatenate([features[it] for it in parts], 1))
        if on_layer is not None:
            on_layer(layer)
    return features
