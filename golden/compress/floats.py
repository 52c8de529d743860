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

from golden.compress.pooled import PooledLayer
from golden.compress.quantized import QuantizedNet
from golden.graph.floats import FloatGraph, FloatLayer
from golden.graph.operations.average_pool import FloatAveragePool
from golden.graph.operations.batch_norm import Norm
from golden.graph.operations.convolution import FloatConvolution
from golden.graph.operations.gate import FloatGate
from golden.graph.operations.max_pool import FloatMaxPool
from golden.graph.operations.registry import OPERATIONS
from golden.graph.operations.uneven_pool import FloatUnevenPool
from golden.graph.operations.window import Window
from golden.graph.plain import made, plain
from golden.spec.errors import LightDealError

_PRODUCTS: tuple[type[Any], ...] = (
    FloatConvolution,
    FloatMaxPool,
    FloatAveragePool,
    FloatUnevenPool,
    FloatGate,
)
_KINDS = {it.__name__: it for it in (*_PRODUCTS, Window)}
_KINDS |= {it.floats.__name__: it.floats for it in OPERATIONS if it.floats is not None}


class FloatFileError(LightDealError):
    """Bytes that are not a pair of float networks."""


def real_graph(net: QuantizedNet) -> FloatGraph:
    """What a compressed network computes in real numbers: kept coefficients times their basis as
    weights, batch norm as trained, nothing rounded and nothing saturated."""
    layers = []
    for stage in net.stages:
        if isinstance(stage, PooledLayer):
            layers.append(stage.layer)
            continue
        weight, beta = stage.real_weight().detach().clone(), stage.beta.detach().clone()
        epilogue = stage.layer.epilogue
        bias = beta
        if stage.batch_norm:
            norm = Norm(
                stage.gamma.detach().clone(), beta, stage.mean.clone(), stage.variance.clone(), stage.epsilon
            )
            epilogue = tuple(norm if isinstance(it, Norm) else it for it in epilogue)
            bias = torch.zeros_like(beta)
        product = replace(stage.product, weight=weight, bias=bias)
        layers.append(replace(stage.layer, product=product, epilogue=epilogue))
    return replace(net.graph, layers=tuple(layers))


def pack_floats(own: FloatGraph, compressed: FloatGraph) -> bytes:
    """Both networks as bytes; the same networks give the same bytes."""
    tensors: dict[str, torch.Tensor] = {}
    descriptions = [_describe(graph, str(which), tensors) for which, graph in enumerate((own, compressed))]
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
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
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        return _graph(own, "0", tensors), _graph(compressed, "1", tensors)
    except (KeyError, TypeError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise FloatFileError(f"float networks: their contents are incomplete: {error}") from error


def _describe(graph: FloatGraph, which: str, tensors: dict[str, torch.Tensor]) -> dict[str, Any]:
    layers = [
        {
            "path": layer.path,
            "input": layer.input,
            "output": layer.output,
            "product": plain(layer.product, f"{which}.{number}.product", tensors),
            "epilogue": [
                plain(it, f"{which}.{number}.{place}", tensors) for place, it in enumerate(layer.epilogue)
            ],
        }
        for number, layer in enumerate(graph.layers)
    ]
    return {
        "layers": layers,
        "shapes": graph.shapes,
        "maps": graph.maps,
        "input": graph.input,
        "outputs": graph.outputs,
        "joined": graph.joined,
    }


def _graph(description: dict[str, Any], which: str, tensors: dict[str, torch.Tensor]) -> FloatGraph:
    layers = [
        FloatLayer(
            path=entry["path"],
            input=entry["input"],
            output=entry["output"],
            product=made(entry["product"], f"{which}.{number}.product", tensors, _KINDS),
            epilogue=tuple(
                made(it, f"{which}.{number}.{place}", tensors, _KINDS)
                for place, it in enumerate(entry["epilogue"])
            ),
        )
        for number, entry in enumerate(description["layers"])
    ]
    return FloatGraph(
        layers=tuple(layers),
        shapes={name: tuple(shape) for name, shape in description["shapes"].items()},
        maps={name: tuple(size) for name, size in description["maps"].items()},
        input=description["input"],
        outputs=tuple(description["outputs"]),
        joined={name: tuple(parts) for name, parts in description["joined"].items()},
    )
