"""An ONNX file as a torch module."""

from collections.abc import Callable, Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch.fx
from onnx import TensorProto, helper, numpy_helper, shape_inference
from onnx.reference import ReferenceEvaluator

from golden.frontend.builder import LARGEST, TENSOR, Array, Builder, NodeProblem, Value, odd
from golden.frontend.onnx.model import open_model
from golden.frontend.onnx.operators import LEFT_TO_HOST, OPERATORS
from golden.frontend.onnx.proof import proof
from golden.frontend.onnx.quantised import QONNX, Ranges, dequantized
from golden.frontend.onnx.step import Step, path_of_node
from golden.graph.operations.registry import supported
from golden.spec.errors import UnsupportedError

ANY_COUNT = 3
"""Images that a network without a fixed number of them runs on while it is read."""


def read_onnx(path: Path, data: bytes) -> torch.fx.GraphModule:
    """The torch module of an ONNX file's contents.

    Parameters
    ----------
    path: of the file; external data lies beside it.

    Raises ForeignFileError if the file is damaged, not ONNX or of a version that is not read,
    UnsupportedError for its inputs and outputs. What is wrong with its nodes the importer tells, all at once.
    """
    return _Reader(path, open_model(path, data)).module


class _Reader:
    """Walks through the nodes once; `values` has what each tensor of the file is."""

    def __init__(self, path: Path, model: onnx.ModelProto) -> None:
        self.path = path
        self.graph = model.graph
        self.opsets = list(model.opset_import)
        self.problems: list[UnsupportedError] = []
        held = {it.name for it in self.graph.initializer}
        images = self._input([it for it in self.graph.input if it.name not in held])
        self.builder = Builder(path.name, self.count)
        self.ranges = Ranges()
        self.values: dict[str, Value | None] = {}
        self.lost: set[str] = set()
        for tensor in self.graph.initializer:
            self._hold(tensor)
        for sparse in self.graph.sparse_initializer:
            self._tell(
                f"initialiser {sparse.values.name!r}", NodeProblem("it is sparse", "dense initialisers")
            )
            self.lost.add(sparse.values.name)
        start = self._images(images)
        self.shapes = _shapes(model)
        ends = self._ends()
        for node in self.graph.node:
            if path_of_node(node) not in self.dropped:
                self._take(node)
        outputs = []
        for end in ends:
            output = self.values.get(end)
            if not isinstance(output, torch.fx.Node):
                if end not in self.lost:
                    what = "is a constant" if output is not None else "is made by no node"
                    self._tell(f"output {end!r}", NodeProblem(what, "tensors that follow from the images"))
                output = start
            outputs.append(output)
        self.builder.notes += self.builder.rounding_note(len(self.ranges.found))
        rounded = bool(self.ranges.found)
        self.module = self.builder.finish(
            outputs, self.problems, None if rounded else proof(model, images.name)
        )

    def _tell(self, where: str, problem: NodeProblem) -> None:
        legal = problem.supported or supported()
        self.problems.append(UnsupportedError(f"{where}: {problem.found}; supported: {legal}"))

    def _input(self, inputs: list[onnx.ValueInfoProto]) -> onnx.ValueInfoProto:
        """The file's only input; its shape goes to `sizes`."""
        if len(inputs) != 1:
            names = ", ".join(repr(it.name) for it in inputs) or "none"
            raise UnsupportedError(
                f"{self.path.name}: {len(inputs)} inputs ({names}); supported: one tensor of images"
            )
        tensor = inputs[0].type.tensor_type
        kind = TensorProto.DataType.Name(tensor.elem_type).lower()
        sizes = [it.dim_value if it.HasField("dim_value") else None for it in tensor.shape.dim]
        words = "×".join(str(it.dim_value or it.dim_param or "?") for it in tensor.shape.dim)
        where = f"{self.path.name}: input {inputs[0].name!r}"
        if tensor.elem_type not in (TensorProto.FLOAT, TensorProto.UINT8, TensorProto.INT8):
            raise UnsupportedError(
                f"{where}: {kind}; supported: float32 (int8 or uint8 before DequantizeLinear)"
            )
        if len(sizes) not in (2, 3, 4):
            raise UnsupportedError(
                f"{where}: shape {words or 'unknown'}; supported: images×channels×height×width, "
                "images×channels×length, images×features"
            )
        if None in sizes[1:] or 0 in sizes[1:]:
            raise UnsupportedError(
                f"{where}: shape {words}; supported: fixed sizes, but for the number of images; "
                "export the network again with them"
            )
        self.sizes: list[int] = [it or 1 for it in sizes[1:]]
        self.count = sizes[0] or ANY_COUNT
        return inputs[0]

    def _images(self, images: onnx.ValueInfoProto) -> torch.fx.Node:
        """The node of the images, as the file takes them."""
        node = self.builder.images(images.name, self.sizes)
        self.values[images.name] = node
        if images.type.tensor_type.elem_type != TensorProto.FLOAT:
            for user in self.graph.node:
                if images.name in user.input and user.op_type != "DequantizeLinear":
                    self._tell(
                        f"input {images.name!r}",
                        NodeProblem(
                            f"integers that {path_of_node(user)} takes", "DequantizeLinear behind it"
                        ),
                    )
        return node

    def _hold(self, tensor: onnx.TensorProto) -> None:
        try:
            self.values[tensor.name] = np.asarray(numpy_helper.to_array(tensor))
        except Exception as error:  # onnx and NumPy raise almost anything on data that does not fit its shape
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            self._tell(f"initialiser {tensor.name!r}", NodeProblem(f"damaged: {reason}", "data of its shape"))
            self.lost.add(tensor.name)

    def _ends(self) -> list[str]:
        """Names of the tensors that the network gives; what the host does behind them is left out."""
        self.dropped: set[str] = set()
        outputs = [it.name for it in self.graph.output]
        if not outputs:
            raise UnsupportedError(f"{self.path.name}: no outputs; supported: at least one tensor")
        makers = {name: node for node in self.graph.node for name in node.output}
        users = [name for node in self.graph.node for name in node.input]
        return [self._before_host(end, makers, users) for end in outputs]

    def _before_host(self, end: str, makers: Mapping[str, onnx.NodeProto], users: list[str]) -> str:
        """The tensor that the host makes an output of."""
        while (node := makers.get(end)) is not None and end not in users and node.op_type in LEFT_TO_HOST:
            self.builder.notes.append(f"{path_of_node(node)}: {node.op_type} at the end is left to the host")
            self.dropped.add(path_of_node(node))
            users.remove(end := node.input[0])
        return end

    def _take(self, node: onnx.NodeProto) -> None:
        """Makes what a node gives."""
        if not self.lost.isdisjoint(node.input):
            self.lost.update(node.output)
            return
        if node.op_type == "If" and isinstance(chosen := self.values.get(node.input[0]), np.ndarray):
            self._branch(node, bool(chosen.reshape(-1)[0]))
            return
        found: Value | None
        try:
            found = self._value(node)
        except Exception as error:  # a node that is not as it is defined fails anywhere
            problem = error if isinstance(error, NodeProblem) else odd(node.op_type, error)
            found = self._refused(node, problem)
            if found is None:
                self._tell(path_of_node(node), problem)
                self.lost.update(node.output)
                return
        if isinstance(found, torch.fx.Node):
            found.meta.setdefault(TENSOR, node.output[0])
        self.values[node.output[0]] = found
        self.lost.update(it for it in node.output[1:] if it)

    def _branch(self, node: onnx.NodeProto, condition: bool) -> None:
        """The branch of an If whose condition does not depend on the images, in its place."""
        name = "then_branch" if condition else "else_branch"
        branch = next(it.g for it in node.attribute if it.name == name)
        for tensor in branch.initializer:
            self._hold(tensor)
        for inner in branch.node:
            self._take(inner)
        for given, wanted in zip(branch.output, node.output, strict=True):
            if given.name in self.values:
                self.values[wanted] = self.values[given.name]
            else:
                self.lost.add(wanted)

    def _refused(self, node: onnx.NodeProto, problem: NodeProblem) -> Value | None:
        """What stands for a node that cannot be taken, if its shape is known."""
        shape = self.shapes.get(node.output[0])
        inputs = [it for name in node.input if isinstance(it := self.values.get(name), torch.fx.Node)]
        if shape is None or not inputs or len(node.output) != 1 or prod(shape[1:]) > LARGEST:
            return None
        return self.builder.refused(path_of_node(node), problem, shape, *inputs[:1])

    def _value(self, node: onnx.NodeProto) -> Value:
        missing = [name for name in node.input if name and name not in self.values]
        if missing:
            raise NodeProblem(
                f"{node.op_type} reads {missing[0]!r}, which the file does not hold and no node gives",
                "initialisers in the file or in data beside it",
            )
        step = Step(self.builder, node, [self.values[name] if name else None for name in node.input])
        make = self._maker(node, step)
        found = make(step)
        step.finish()
        return found

    def _maker(self, node: onnx.NodeProto, step: Step) -> Callable[[Step], Value]:
        variable = any(isinstance(it, torch.fx.Node) for it in step.inputs)
        if node.domain in QONNX:
            if node.op_type == "Quant":
                return self.ranges.quant
            if node.op_type == "BipolarQuant" and not variable:
                return self.ranges.bipolar
        elif node.domain in ("", "ai.onnx"):
            if not variable:
                return dequantized if node.op_type == "DequantizeLinear" else self._constant
            quantised = {"QuantizeLinear": self.ranges.quantize, "DequantizeLinear": self.ranges.dequantize}
            make = quantised.get(node.op_type) or OPERATORS.get(node.op_type)
            if make is not None:
                return make
        where = f" of domain {node.domain!r}" if node.domain not in ("", "ai.onnx") else ""
        raise NodeProblem(f"found {node.op_type}{where}")

    def _constant(self, step: Step) -> Value:
        """What follows from the file alone, by onnx's own evaluator."""
        node = step.node
        step.ignore(*(it.name for it in node.attribute))
        named = {
            name: it for name, it in zip(node.input, step.inputs, strict=True) if isinstance(it, np.ndarray)
        }
        kinds = {name: helper.np_dtype_to_tensor_dtype(it.dtype) for name, it in named.items()}
        infos = [helper.make_tensor_value_info(name, kinds[name], it.shape) for name, it in named.items()]
        outputs = [helper.make_empty_tensor_value_info(name) for name in node.output[:1]]
        graph = helper.make_graph([node], "constant", infos, outputs)
        try:
            model = helper.make_model(graph, opset_imports=self.opsets)
            results: Any = ReferenceEvaluator(model).run(None, named)
            found: Array = np.asarray(results[0])
        except Exception as error:  # the evaluator raises almost anything
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise NodeProblem(f"operator {node.op_type} cannot be calculated: {reason}") from error
        return found


def _shapes(model: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    """Tensor → shape, as far as onnx knows it."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    known = {it.domain for it in model.opset_import}
    for domain in {it.domain for it in model.graph.node} - known:
        copy.opset_import.append(helper.make_opsetid(domain, 1))
    try:
        inferred = shape_inference.infer_shapes(copy, data_prop=True).graph
    except Exception:  # on what is inconsistent; the nodes themselves say more
        inferred = model.graph
    found = {}
    for info in [*inferred.value_info, *inferred.output]:
        sizes = [it.dim_value for it in info.type.tensor_type.shape.dim]
        if sizes and all(sizes[1:]):
            found[info.name] = tuple(sizes)
    return found
