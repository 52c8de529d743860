"""One node of an ONNX file: its inputs and attributes, asked for by name, all of them accounted for."""

from typing import Any

import onnx
import torch
import torch.fx
from onnx import helper

from golden.frontend.builder import Array, Builder, NodeProblem, Value, float_tensor


class Step:
    """A node in hand.

    Parameters
    ----------
    inputs: values in the node's order; None for those that are left out.
    """

    def __init__(self, builder: Builder, node: onnx.NodeProto, inputs: list[Value | None]) -> None:
        self.builder = builder
        self.node = node
        self.inputs = inputs
        self.path = path_of_node(node)
        self.said = node.op_type
        self._attributes = {it.name: helper.get_attribute_value(it) for it in node.attribute}

    def attribute(self, name: str, default: Any = None) -> Any:
        """An attribute, or its default; text as str."""
        found = self._attributes.pop(name, default)
        return found.decode() if isinstance(found, bytes) else found

    def ignore(self, *names: str) -> None:
        """Attributes that change nothing when a network runs."""
        for name in names:
            self._attributes.pop(name, None)

    def demand_attribute(self, name: str, default: Any, *legal: Any) -> None:
        """Raises NodeProblem if an attribute has another value than its default or a legal one."""
        found = self.attribute(name, default)
        if found != default and found not in legal:
            raise NodeProblem(f"{self.said} with {name} = {found!r}", f"{name} = {default!r}")

    def finish(self) -> None:
        """Raises NodeProblem if an attribute was not asked for."""
        if self._attributes:
            names = ", ".join(self._attributes)
            raise NodeProblem(f"{self.said} with attribute {names}", f"{self.said} without it")

    def has(self, index: int) -> bool:
        """Whether an input is there."""
        return index < len(self.inputs) and self.inputs[index] is not None

    def value(self, index: int = 0) -> torch.fx.Node:
        """An input that depends on the images. Raises NodeProblem if it does not, or is missing."""
        found = self.inputs[index] if index < len(self.inputs) else None
        if not isinstance(found, torch.fx.Node):
            what = "is missing" if found is None else "is a constant"
            raise NodeProblem(
                f"{self.said} whose input {index} {what}", "a tensor that follows from the images"
            )
        return found

    def array(self, index: int) -> Array:
        """An input that is held by the file. Raises NodeProblem if it follows from the images."""
        found = self.inputs[index] if index < len(self.inputs) else None
        if isinstance(found, torch.fx.Node) or found is None:
            what = "is missing" if found is None else "follows from the images"
            raise NodeProblem(f"{self.said} whose input {index} {what}", "weights that the file holds")
        return found

    def floats(self, index: int) -> torch.Tensor:
        """The same as float32. Raises NodeProblem if the file has another type, or values not finite."""
        return float_tensor(self.array(index), f"{self.said}'s {self.node.input[index]!r}")

    def integers(self, index: int) -> list[int]:
        """The same as whole numbers, in one axis."""
        return [int(it) for it in self.array(index).reshape(-1)]

    def layer(self, layer: torch.nn.Module, *inputs: torch.fx.Node) -> torch.fx.Node:
        """A layer with the node's name."""
        return self.builder.layer(self.path, self.said, layer, *inputs)

    def call(self, function: Any, *args: Any, **named: Any) -> torch.fx.Node:
        """A function with the node's name."""
        return self.builder.call(self.path, self.said, function, *args, **named)

    def shape(self, value: torch.fx.Node) -> tuple[int, ...]:
        """Shape of a value."""
        return self.builder.shape(value)


def path_of_node(node: onnx.NodeProto) -> str:
    """A node's name, or what it gives where it has none."""
    return node.name or (f"{node.op_type} of {node.output[0]!r}" if node.output else node.op_type)
