"""The first image through an ONNX file, by onnx's own evaluator, and through the torch module made of it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import torch
import torch.fx
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from golden.frontend.builder import TENSOR, Array
from golden.frontend.edit import path_of
from golden.spec.errors import UnsupportedError

TOLERANCE = 1e-3
"""Largest difference, as a share of a tensor's largest value."""


def proof(model: onnx.ModelProto, images: str) -> Callable[[torch.fx.GraphModule, torch.Tensor], None]:
    """`Foreign.check` of an ONNX file; `images` is the name of its input. It runs once, and then knows."""
    proven: list[bool] = []

    def check(module: torch.fx.GraphModule, image: torch.Tensor) -> None:
        if not proven:
            _compare(model, images, module, image)
            proven.append(True)

    return check


def _compare(model: onnx.ModelProto, images: str, module: torch.fx.GraphModule, image: torch.Tensor) -> None:
    values = _Values(module)
    with torch.no_grad():
        values.run(image)
    wanted = _watched(model, [name for name, _, _ in values.found])
    sizes = next(it for it in model.graph.input if it.name == images).type.tensor_type.shape.dim
    count = sizes[0].dim_value or 1
    given = image.numpy().repeat(count, axis=0)
    given = given.reshape(count, *(it.dim_value for it in sizes[1:]))
    try:
        outputs: Any = ReferenceEvaluator(wanted).run(None, {images: given})
    except Exception:  # an operator, or a way to use it, that the evaluator lacks: nothing to compare with
        return
    for (_, node, value), expected in zip(values.found, outputs, strict=True):
        found = value.numpy()
        if not np.allclose(
            found, expected[:1], rtol=0, atol=TOLERANCE * float(np.abs(expected).max()) + 1e-6
        ):
            difference = float(np.abs(found - expected[:1]).max())
            raise UnsupportedError(
                f"{path_of(node)}: on the first image the file gives other values than this reading of it, "
                f"by {difference:.3g}; supported: operators as onnx's own evaluator runs them"
            )


def _watched(model: onnx.ModelProto, names: list[str]) -> onnx.ModelProto:
    """A copy of a model that gives the tensors of these names.

    The momentum of batch norms, which means nothing when a network runs, is 1 there: before opset 14 onnx's
    evaluator takes them for training, and with 1 that changes nothing. Padding of maximums is a node of its
    own there, as the evaluator has it wrong where the sides differ.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for node in copy.graph.node:
        if node.op_type == "BatchNormalization":
            kept = [it for it in node.attribute if it.name != "momentum"]
            del node.attribute[:]
            node.attribute.extend([*kept, onnx.helper.make_attribute("momentum", 1.0)])
    for place, node in reversed([*enumerate(copy.graph.node)]):
        if node.op_type == "MaxPool" and (made := _padding(copy.graph, node)) is not None:
            copy.graph.node.insert(place, made)
    del copy.graph.output[:]
    copy.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
    return copy


def _padding(graph: onnx.GraphProto, node: onnx.NodeProto) -> onnx.NodeProto | None:
    """The padding of a node that takes maximums, taken out of it; None where it has none in numbers."""
    pads = next((list(it.ints) for it in node.attribute if it.name == "pads"), [])
    if not any(pads):
        return None
    kept = [it for it in node.attribute if it.name not in ("pads", "auto_pad")]
    del node.attribute[:]
    node.attribute.extend(kept)
    half, padded = len(pads) // 2, f"{node.output[0]} padded"
    values: dict[str, Array] = {
        f"{padded} by": np.array([0, 0, *pads[:half], 0, 0, *pads[half:]], np.int64),
        f"{padded} with": np.array(-np.inf, np.float32),
    }
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in values.items())
    made = onnx.helper.make_node("Pad", [node.input[0], *values], [padded])
    node.input[0] = padded
    return made


class _Values(torch.fx.Interpreter):
    """Runs a module; `found` has (file's tensor, node, value) of those that are the file's."""

    def __init__(self, module: torch.fx.GraphModule) -> None:
        super().__init__(module)
        self.extra_traceback = False
        self.found: list[tuple[str, torch.fx.Node, torch.Tensor]] = []

    def run_node(self, n: torch.fx.Node) -> Any:
        """See torch.fx.Interpreter."""
        value = super().run_node(n)
        if TENSOR in n.meta:
            self.found.append((n.meta[TENSOR], n, value.clone()))
        return value
