"""The measurement: integers of a run beside both float networks, batch by batch."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from golden.fidelity.verdict import Distances, TensorDistance
from golden.graph import network_file
from golden.graph.floats import FloatGraph, FloatLayer, float_features
from golden.graph.joined import complete
from golden.graph.network import Network
from golden.machine.tensors import clipped_share
from golden.numerics.late import torch
from golden.spec.errors import LightDealError
from golden.spec.program import Program

Int8 = npt.NDArray[np.int8]
Float = npt.NDArray[np.float64]

NO_FLOATS = "no float network in this program: its network was not made by this release's compress"

_BATCH = 128
"""Images that go through at once: keeps memory flat."""

_RELATIVE = 1 / 40
"""Error that a channel may have of its own size: weights of 8 bits are not exact either."""


class NoReferenceError(LightDealError):
    """A program does not carry what it should be compared with."""


def reference_network(program: Program) -> Network:
    """The network that a program was compiled from.

    Raises NoReferenceError if it is not known, NetworkFileError if it is damaged.
    """
    if not program.reference:
        raise NoReferenceError(
            "no reference network in this program: another release compiled it; compile its network again"
        )
    return network_file.from_bytes(program.reference, "reference network of the program")


def distances(
    network: Network, program: Program, tensors: Mapping[str, Int8], images: npt.NDArray[np.floating]
) -> Distances:
    """How far the tensors of a run of a program are from the float networks.

    Parameters
    ----------
    network: that the program was compiled from, with its float networks.
    tensors: of every tensor of the program, int8 (N, C, H, W), by name.
    images: the real images that the run's input was made of, (N, C, H, W).

    Raises NoReferenceError if the network has no float networks.
    """
    if not network.floats:
        raise NoReferenceError(NO_FLOATS)
    from golden.compress.floats import unpack_floats  # loads torch

    own, compressed = unpack_floats(network.floats)
    scales = {it.name: it.scale for it in program.tensors}
    complete(scales, network.joined, lambda parts: scales[parts[0]])
    # What lies between the passes of one pooling is no tensor of the float networks.
    sums = {it.name: _Sums(it.scale, it.shape[0]) for it in program.tensors if it.name in own.shapes}
    steps = {layer.output: _coarsest(network, layer.output) for layer in compressed.layers}
    outputs = []
    for start in range(0, len(images), _BATCH):
        part = slice(start, start + _BATCH)
        whole = {name: tensors[name][part] for name in sums}
        _join(network, whole)
        real, user = (_run(graph, images[part]) for graph in (compressed, own))
        for name, it in sums.items():
            it.add(whole[name], real[name], user[name])
        for layer in compressed.layers:
            sums[layer.output].add_local(whole[layer.output], _layer(layer, whole, scales))
        outputs.append(user[program.output])
    result: Float = tensors[program.output] * np.float64(scales[program.output])
    writer = {layer.output: layer.path for layer in network.layers}
    return Distances(
        tensors=tuple(
            it.distance(name, writer.get(name, name), steps.get(name, 1.0)) for name, it in sums.items()
        ),
        labels=result[:, 0].size,
        changed=changed_labels(result, np.concatenate(outputs)),
        clipped=clipped_share(images, scales[program.input]),
    )


def changed_labels(result: Float, wanted: Float) -> int:
    """How many labels of a result differ from the wanted one's; see `Distances`. Both (N, M, H, W)."""
    if result.shape[1] > 1:
        return int(np.count_nonzero(result.argmax(1) != wanted.argmax(1)))
    return int(np.count_nonzero(~(np.abs(result - wanted) <= wanted.std() / 2)))


def decibel(signal: float, noise: float) -> float:
    """10·log10(signal ÷ noise) of two powers; inf without noise, −inf for noise alone."""
    if not (math.isfinite(signal) and math.isfinite(noise)):
        return math.nan
    if noise == 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal > 0 else -math.inf


def _join(network: Network, whole: dict[str, Int8]) -> None:
    """Adds the concatenations to tensors by name."""
    complete(whole, network.joined, lambda parts: np.concatenate([whole[it] for it in parts], 1))


def _coarsest(network: Network, output: str) -> float:
    """The coarsest step that the layer of an output rounds to, in steps of the output."""
    (layer,) = (it for it in network.layers if it.output == output)
    steps = 1.0
    for operation in layer.epilogue:
        steps = operation.rounding(steps)
    return steps


def _run(graph: FloatGraph, images: npt.NDArray[np.floating]) -> dict[str, Float]:
    with torch.no_grad():
        values = float_features(graph, torch.from_numpy(np.asarray(images, np.float32)))
    return {name: value.numpy().astype(np.float64) for name, value in values.items()}


def _layer(layer: FloatLayer, whole: Mapping[str, Int8], scales: Mapping[str, float]) -> Float:
    """One layer in floats, of integers that it and its residual read, in steps of its output."""

    def real(name: str) -> torch.Tensor:
        return torch.from_numpy(whole[name].astype(np.float32) * np.float32(scales[name]))

    with torch.no_grad():
        taken = {name: real(name) for name in (layer.input, *layer.gates, *layer.reads)}
        y = layer.finish(layer.sums(taken), taken)
    return y.numpy().astype(np.float64) / scales[layer.output]


class _Sums:
    """Signal and noise of a tensor, channel by channel, batch after batch."""

    def __init__(self, scale: float, channels: int) -> None:
        self.scale = scale
        self.signal, self.noise, self.own_signal, self.own_noise = np.zeros((4, channels))
        self.local_signal, self.local_noise = np.zeros((2, channels))
        self.saturated = self.count = 0

    def add(self, whole: Int8, real: Float, own: Float) -> None:
        """The next images: integers, and floats of both networks."""
        values = whole * self.scale
        axes = (0, 2, 3)
        with np.errstate(all="ignore"):
            self.signal += np.square(real).sum(axes)
            self.noise += np.square(values - real).sum(axes)
            self.own_signal += np.square(own).sum(axes)
            self.own_noise += np.square(values - own).sum(axes)
        self.saturated += int(np.count_nonzero((whole == -128) | (whole == 127)))
        self.count += whole.size

    def add_local(self, whole: Int8, real: Float) -> None:
        """The same images once more: floats of this layer alone, in steps; what int8 cannot reach is
        no error of the layer."""
        real = np.clip(real, -128, 127)
        self.local_signal += np.square(real).sum((0, 2, 3))
        self.local_noise += np.square(whole - real).sum((0, 2, 3))

    def distance(self, tensor: str, layer: str, coarsest: float) -> TensorDistance:
        """All of it; `coarsest` is the coarsest step that the layer rounds to."""
        each = max(self.count // len(self.signal), 1)
        size, error = np.sqrt(self.local_signal / each), np.sqrt(self.local_noise / each)
        steps = error / np.maximum(coarsest, _RELATIVE * size)
        channel = int(steps.argmax())
        return TensorDistance(
            tensor=tensor,
            layer=layer,
            snr=decibel(self.signal.sum(), self.noise.sum()),
            steps=float(steps[channel]),
            channel=channel,
            saturated=self.saturated / max(self.count, 1),
            own_snr=decibel(self.own_signal.sum(), self.own_noise.sum()),
        )
