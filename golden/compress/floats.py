"""The float networks that an integer network is measured against, as bytes that travel with it.

Two of them: the user's own, as imported, and the compressed one in real numbers, which is what the
integers stand for after pruning and re-training. Distance from the first is what compression
cost; distance from the second is what rounding cost, and tells a wrong integer from a chosen one.
"""

import io
import json
import zipfile
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from golden.compress.quantized import QuantizedNet
from golden.graph.floats import FloatGraph, FloatLayer, Norm
from golden.spec.errors import LightDealError

_NORM = ("gamma", "beta", "mean", "variance")
_PLAIN = ("path", "input", "output", "stride", "padding", "relu", "residual", "pool")


class FloatFileError(LightDealError):
    """Bytes that are not a pair of float networks."""


def real_graph(net: QuantizedNet) -> FloatGraph:
    """What a compressed network computes in real numbers: kept coefficients times their basis as
    weights, batch norm as trained, nothing rounded and nothing saturated."""
    layers = []
    for stage in net.stages:
        weight, beta = stage.real_weight().detach().clone(), stage.beta.detach().clone()
        if not stage.batch_norm:
            layers.append(replace(stage.layer, weight=weight, bias=beta))
            continue
        norm = Norm(
            stage.gamma.detach().clone(), beta, stage.mean.clone(), stage.variance.clone(), stage.epsilon
        )
        layers.append(replace(stage.layer, weight=weight, bias=torch.zeros_like(beta), norm=norm))
    return replace(net.graph, layers=tuple(layers))


def pack_floats(own: FloatGraph, compressed: FloatGraph) -> bytes:
    """Both networks as bytes; the same networks give the same bytes."""
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    descriptions = []
    for which, graph in enumerate((own, compressed)):
        for number, layer in enumerate(graph.layers):
            name = f"{which}.{number}"
            arrays[f"{name}.weight"], arrays[f"{name}.bias"] = layer.weight.numpy(), layer.bias.numpy()
            if layer.norm is not None:
                arrays |= {f"{name}.{it}": getattr(layer.norm, it).numpy() for it in _NORM}
        descriptions.append(_describe(graph))
    arrays["description"] = np.frombuffer(json.dumps(descriptions).encode(), np.uint8)
    archive = io.BytesIO()
    np.savez_compressed(archive, **arrays)  # type: ignore[arg-type]
    return archive.getvalue()


def unpack_floats(data: bytes) -> tuple[FloatGraph, FloatGraph]:
    """(the user's own network, the compressed one). Raises FloatFileError for other bytes."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        own, compressed = json.loads(arrays["description"].tobytes())
        return _graph(own, "0", arrays), _graph(compressed, "1", arrays)
    except (KeyError, TypeError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise FloatFileError(f"float networks: their contents are incomplete: {error}") from error


def _describe(graph: FloatGraph) -> dict[str, Any]:
    layers = [
        {name: getattr(layer, name) for name in _PLAIN}
        | {"epsilon": None if layer.norm is None else layer.norm.epsilon}
        for layer in graph.layers
    ]
    return {
        "layers": layers,
        "shapes": graph.shapes,
        "maps": graph.maps,
        "input": graph.input,
        "output": graph.output,
    }


def _graph(description: dict[str, Any], which: str, arrays: dict[str, Any]) -> FloatGraph:
    layers = []
    for number, entry in enumerate(description["layers"]):
        epsilon = entry.pop("epsilon")
        tensors = {
            name: torch.from_numpy(arrays[f"{which}.{number}.{name}"])
            for name in ("weight", "bias", *(() if epsilon is None else _NORM))
        }
        weight, bias = tensors.pop("weight"), tensors.pop("bias")
        norm = None if epsilon is None else Norm(**tensors, epsilon=epsilon)
        layers.append(FloatLayer(**entry, weight=weight, bias=bias, norm=norm))
    return FloatGraph(
        layers=tuple(layers),
        shapes={name: tuple(shape) for name, shape in description["shapes"].items()},
        maps={name: tuple(size) for name, size in description["maps"].items()},
        input=description["input"],
        output=description["output"],
    )
