"""Small ONNX models, and onnx's own evaluator as the independent oracle."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from golden.frontend.files import read_network
from golden.frontend.importer import import_module
from golden.graph.floats import run_float

RNG = np.random.default_rng(5)

IMAGES = torch.from_numpy(RNG.random((3, 2, 8, 8), np.float32))

Arrays = dict[str, Any]


def weights(*shape: int) -> Any:
    """Random float32 values around 0."""
    return (RNG.random(shape, np.float32) - 0.4).astype(np.float32)


def node(kind: str, inputs: str, output: str, **attributes: Any) -> onnx.NodeProto:
    """A node whose name is what it gives; inputs are names with spaces between, "-" for one left out."""
    names = ["" if it == "-" else it for it in inputs.split()]
    return helper.make_node(kind, names, [output], name=output, **attributes)


def model(
    nodes: Sequence[onnx.NodeProto],
    held: Arrays,
    shape: Sequence[int | str] = ("n", 2, 8, 8),
    opset: int = 13,
    domain: str = "",
    kind: int = TensorProto.FLOAT,
) -> onnx.ModelProto:
    """A model from "x" to what its last node gives."""
    images = helper.make_tensor_value_info("x", kind, shape)
    output = helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, None)
    initialisers = [numpy_helper.from_array(np.asarray(it), name) for name, it in held.items()]
    graph = helper.make_graph(nodes, "small", [images], [output], initialisers)
    opsets = [helper.make_opsetid("", opset)]
    if domain:
        opsets.append(helper.make_opsetid(domain, 1))
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def saved(folder: Path, made: onnx.ModelProto, name: str = "net.onnx") -> Path:
    """The model's file."""
    path = folder / name
    path.write_bytes(made.SerializeToString())
    return path


def evaluated(made: onnx.ModelProto, images: torch.Tensor) -> torch.Tensor:
    """What onnx's evaluator gives for images, in the shape that the model's input has."""
    sizes = [it.dim_value for it in made.graph.input[0].type.tensor_type.shape.dim]
    given = images.numpy().reshape(-1, *sizes[1:])
    parts = [given[i : i + sizes[0]] for i in range(0, len(given), sizes[0])] if sizes[0] else [given]
    plain = onnx.ModelProto()
    plain.CopyFrom(made)
    for part in plain.graph.node:
        for it in part.attribute:
            if it.name == "momentum":  # before opset 14 the evaluator trains with it; 1 changes nothing
                it.f = 1.0
    evaluator: Any = ReferenceEvaluator(plain)
    found = [evaluator.run(None, {"x": part})[0] for part in parts]
    return torch.from_numpy(np.concatenate(found))


def imported(path: Path, made: onnx.ModelProto, images: torch.Tensor = IMAGES) -> list[str]:
    """Imports a file, compares it with onnx's evaluator on images, and returns the paths of its layers."""
    graph = import_module(read_network(path), images)
    found, expected = run_float(graph, images), evaluated(made, images)
    torch.testing.assert_close(found.reshape(expected.shape), expected, rtol=1e-4, atol=1e-4)
    return [layer.path for layer in graph.layers]


HELD: Arrays = {
    "w": weights(3, 2, 3, 3),
    "b": weights(3),
    "g": weights(128, 4),
    "h": weights(4, 128),
    "c": weights(4),
    "k": weights(2, 2, 3, 3),
    "one": weights(1),
    "mean": weights(3),
    "variance": weights(3) + 0.5,
    "flat": np.array([0, -1]),
    "axes": np.array([2, 3]),
    "last": np.array([-1]),
    "sides": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
    "image_mean": weights(1, 2, 1, 1),
    "image_std": weights(2, 1, 1) + 1,
    "first": np.array(0),
    "minus": np.array([-1]),
}
FLAT = node("Reshape", "x flat", "f")
