"""The reference network: what a Network computes, from the mathematics, without the machine."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch

from golden.graph.network import Factored, Layer, Network, Plain
from golden.spec.memories import Fold

Int8 = npt.NDArray[np.int8]
Int64 = npt.NDArray[np.int64]

_BATCH_BYTES = 1 << 27
"""Largest unfolded input of one convolution call: keeps memory flat for any number of images."""


def round_shift(values: Int64, shift: Int64 | int) -> Int64:
    """values / 2**shift to the nearest integer, ties to even; shapes broadcast, shift 0…62.

    The array form of `golden.spec.formats.round_shift`.
    """
    floor = values >> shift
    rest = values - (floor << shift)
    half = (np.int64(1) << np.asarray(shift, np.int64)) >> 1
    tie = (rest == half) & (half > 0) & (floor & 1 == 1)
    return floor + ((rest > half) | tie)


def saturate(values: Int64, bits: int = 8) -> Int64:
    """The nearest two's complement values of `bits` bits; shape and dtype unchanged."""
    return np.clip(values, -(1 << (bits - 1)), (1 << (bits - 1)) - 1)


def rebuild(weights: Factored | Plain, filters: int) -> Int64:
    """The dense integer weights, shape (filters, C, KH, KW): Ce·B, or scale·w of a plain layer."""
    if isinstance(weights, Plain):
        return weights.weights.astype(np.int64) * weights.scale.astype(np.int64)[:, None, None, None]
    coefficients, basis = weights.coefficients.astype(np.int64), weights.basis.astype(np.int64)
    if weights.fold == Fold.COLUMN:
        return np.einsum("mcrk,mkq->mcrq", coefficients, basis)
    dense = np.einsum("gcrqk,gkj->gjcrq", coefficients, basis)
    return dense.reshape(-1, *dense.shape[2:])[:filters]


def convolution(images: Int8, weights: Int64, bias: Int64, stride: int, padding: int) -> Int64:
    """Exact Σ W·x + bias: int8 (N, C, H, W), int64 (M, C, KH, KW), (M,) → int64 (N, M, OH, OW).

    Runs in float64, where integers below 2**53 are exact; raises OverflowError if a sum could be
    larger.
    """
    bound = int(np.abs(weights).sum(axis=(1, 2, 3)).max(initial=0)) * 128
    if bound >= 1 << 53:
        raise OverflowError(f"a sum may reach {bound}, which float64 does not hold exactly")
    kernel = torch.from_numpy(weights.astype(np.float64))
    fields = weights[0].size * images.shape[2] * images.shape[3] * 8
    batch = max(1, _BATCH_BYTES // fields)
    parts = []
    for start in range(0, len(images), batch):
        part = torch.from_numpy(images[start : start + batch].astype(np.float64))
        with torch.no_grad():
            sums = torch.nn.functional.conv2d(part, kernel, stride=stride, padding=padding)
        parts.append(sums.numpy().astype(np.int64))
    return np.concatenate(parts) + bias.astype(np.int64)[:, None, None]


def run_layer(layer: Layer, images: Int8, residual: Int8 | None = None) -> Int8:
    """One layer: int8 (N, C, H, W), residual of the layer's map or None → int8 output feature."""
    sums = convolution(images, rebuild(layer.weights, layer.filters), layer.bias, layer.stride, layer.padding)
    result = saturate(round_shift(sums, layer.shift.astype(np.int64)[:, None, None]))
    if layer.residual is not None:
        assert residual is not None
        total = (result << layer.residual.align_result) + (
            residual.astype(np.int64) << layer.residual.align_residual
        )
        result = saturate(round_shift(total, layer.residual.shift))
    if layer.relu:
        result = np.maximum(result, 0)
    if layer.pool is not None:
        result = saturate(round_shift(result.sum(axis=(2, 3), keepdims=True), layer.pool))
    return result.astype(np.int8)


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
        residual = None if layer.residual is None else features[layer.residual.tensor]
        features[layer.output] = run_layer(layer, features[layer.input], residual)
        if on_layer is not None:
            on_layer(layer)
    return features
