"""A .tflite file as a torch module.

Maps have channels last there; each layer stands between two permutations, which vanish when it is imported.
Integers become the floats that they stand for: weights with a scale for each channel, biases, constants.
What follows from the images is not rounded: the grids of activations are chosen anew on sample images.
"""

from collections.abc import Mapping
from math import prod
from pathlib import Path

import torch
import torch.fx

from golden.frontend.builder import LARGEST, Builder, NodeProblem, Value, odd
from golden.frontend.tflite.model import TfModel, TfNode, TfTensor, open_model
from golden.frontend.tflite.operators import CHANGES_OF_TYPE, LEFT_TO_HOST, OPERATORS
from golden.frontend.tflite.step import FIRST, LAST, Step
from golden.graph.operations.registry import supported
from golden.spec.errors import UnsupportedError

ANY_COUNT = 3
"""Images that a network without a fixed number of them runs on while it is read."""


def read_tflite(path: Path, data: bytes) -> torch.fx.GraphModule:
    """The torch module of a .tflite file's contents, which takes images (N, C, H, W).

    Raises ForeignFileError if the file is damaged or not TFLite, UnsupportedError for its inputs and outputs.
    What is wrong with its operators the importer tells, all at once.
    """
    return _Reader(path, open_model(path, data)).module


class _Reader:
    """Walks through the operators once; `values` has by index what each tensor is."""

    def __init__(self, path: Path, model: TfModel) -> None:
        self.path = path
        self.model = model
        self.problems: list[UnsupportedError] = []
        self.values: dict[int, Value] = {
            index: it.values for index, it in enumerate(model.tensors) if it.values is not None
        }
        self.lost: set[int] = set()
        start = self._images()
        ends = self._ends()
        for node in model.nodes:
            if node not in self.dropped:
                self._take(node)
        outputs = []
        for end in ends:
            output = self.values.get(end)
            if not isinstance(output, torch.fx.Node):
                if end not in self.lost:
                    where = f"output {model.tensors[end].name!r}"
                    self._tell(where, NodeProblem("it does not follow from the images", "tensors that do"))
                output = start
            elif len(self.builder.shape(output)) == 4:
                output = self.builder.call("output", "output", torch.permute, output, FIRST)
            outputs.append(output)
        self._note()
        self.module = self.builder.finish(outputs, self.problems)

    def _tell(self, where: str, problem: NodeProblem) -> None:
        legal = problem.supported or supported()
        self.problems.append(UnsupportedError(f"{where}: {problem.found}; supported: {legal}"))

    def _images(self) -> torch.fx.Node:
        """The node of the images, as the file takes them."""
        inputs = self.model.inputs
        if len(inputs) != 1:
            raise UnsupportedError(f"{self.path.name}: {len(inputs)} inputs; supported: one tensor of images")
        tensor = self.model.tensors[inputs[0]]
        where = f"{self.path.name}: input {tensor.name!r}"
        count, sizes = tensor.shape[:1], tensor.shape[1:]
        if len(sizes) not in (1, 3):
            raise UnsupportedError(
                f"{where}: shape {tensor.shape}; supported: (images, height, width, channels), "
                "(images, features)"
            )
        if min(sizes) < 1:
            raise UnsupportedError(
                f"{where}: shape {tensor.shape}; supported: fixed sizes, but for the number of images; "
                "convert the network again with them"
            )
        if tensor.kind != "FLOAT32" and not (
            tensor.kind in ("INT8", "UINT8", "INT16") and tensor.scales.size
        ):
            raise UnsupportedError(
                f"{where}: {tensor.kind}; supported: FLOAT32, or INT8, UINT8 or INT16 with a scale"
            )
        self.builder = Builder(self.path.name, count[0] if count[0] > 0 else ANY_COUNT)
        if len(sizes) == 1:
            node = self.builder.images(tensor.name, sizes)
        else:
            height, width, channels = sizes
            node = self.builder.images(tensor.name, (channels, height, width))
            node = self.builder.call(tensor.name, "images", torch.permute, node, LAST)
        self.builder.positive.add(node)
        self.values[inputs[0]] = node
        return node

    def _ends(self) -> list[int]:
        """Indices of the tensors that the network gives; what the host does behind them is left out."""
        self.dropped: list[TfNode] = []
        if not self.model.outputs:
            raise UnsupportedError(f"{self.path.name}: no outputs; supported: at least one tensor")
        makers = {index: node for node in self.model.nodes for index in node.outputs}
        readers = [index for node in self.model.nodes for index in node.inputs]
        return [self._before_host(end, makers, readers) for end in self.model.outputs]

    def _before_host(self, output: int, makers: Mapping[int, TfNode], readers: list[int]) -> int:
        """The tensor that the host makes an output of."""
        end, dropped = output, []
        while (
            (node := makers.get(end)) is not None
            and end not in readers
            and node.kind in (*LEFT_TO_HOST, *CHANGES_OF_TYPE)
        ):
            readers.remove(node.inputs[0])
            dropped.append(node)
            end = node.inputs[0]
        if any(it.kind in LEFT_TO_HOST for it in dropped):
            self.dropped += dropped
            for node in dropped:
                if node.kind in LEFT_TO_HOST:
                    self.builder.notes.append(
                        f"{self._name(node)}: {node.kind} at the end is left to the host"
                    )
            return end
        return output

    def _name(self, node: TfNode) -> str:
        """Of an operator: what it gives, of several names that were made one the first."""
        index = next(iter(node.outputs), None)
        name = "" if index is None else self.model.tensors[index].name.partition(";")[0]
        return name or f"{node.kind} of tensor {index}"

    def _take(self, node: TfNode) -> None:
        """Makes what an operator gives."""
        if not self.lost.isdisjoint(node.inputs):
            self.lost.update(node.outputs)
            return
        found: Value | None
        try:
            found = self._value(node)
        except Exception as error:  # a node that is not as it is defined fails anywhere
            problem = error if isinstance(error, NodeProblem) else odd(node.kind, error)
            found = self._refused(node, problem)
            if found is None:
                self._tell(self._name(node), problem)
                self.lost.update(node.outputs)
                return
        self.values[node.outputs[0]] = found
        self._round(self.model.tensors[node.outputs[0]], found)
        self.lost.update(node.outputs[1:])

    def _round(self, tensor: TfTensor, value: Value) -> None:
        """Notes the steps of what the file rounds."""
        whole = {"INT8": 128, "UINT8": 0, "INT16": 32768}.get(tensor.kind)
        if whole is None or tensor.scales.size != 1 or not isinstance(value, torch.fx.Node):
            return
        low = -whole - int(tensor.zeros[0])
        span = (1 << 16 if tensor.kind == "INT16" else 1 << 8) - 1
        self.builder.rounded(value, float(tensor.scales[0]), low, low + span)

    def _value(self, node: TfNode) -> Value:
        """What an operator gives. Raises NodeProblem."""
        missing = [it for it in node.inputs if it >= 0 and it not in self.values]
        if missing:
            tensor = self.model.tensors[missing[0]]
            found = f"{node.kind} reads {tensor.name!r} ({tensor.kind}), which the file does not hold"
            raise NodeProblem(f"{found} and no operator gives", "weights in the file")
        tensors: list[TfTensor | None] = [self.model.tensors[it] if it >= 0 else None for it in node.inputs]
        inputs = [self.values[it] if it >= 0 else None for it in node.inputs]
        make = OPERATORS.get(node.kind)
        if make is None or not node.outputs:
            raise NodeProblem(f"found {node.kind}")
        return make(Step(self.builder, node, self._name(node), tensors, inputs))

    def _refused(self, node: TfNode, problem: NodeProblem) -> Value | None:
        """What stands for an operator that cannot be taken, if its shape is known."""
        inputs = [it for index in node.inputs if isinstance(it := self.values.get(index), torch.fx.Node)]
        if not inputs or len(node.outputs) != 1:
            return None
        shape = self.model.tensors[node.outputs[0]].shape
        if not shape or min(shape[1:], default=1) < 1 or prod(shape[1:]) > LARGEST:
            return None
        return self.builder.refused(self._name(node), problem, shape, *inputs[:1])

    def _note(self) -> None:
        rounded = [
            it
            for index, it in enumerate(self.model.tensors)
            if it.scales.size and isinstance(self.values.get(index), torch.fx.Node)
        ]
        self.builder.notes += self.builder.rounding_note(len(rounded))
