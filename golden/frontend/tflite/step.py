"""One operator of a .tflite file in hand: its inputs and options, maps with their channels last or first."""

from typing import Any

import numpy as np
import torch
import torch.fx

from golden.frontend.builder import Array, Builder, NodeProblem, Value, float_tensor
from golden.frontend.tflite.model import TfNode, TfTensor

FIRST, LAST = (0, 3, 1, 2), (0, 2, 3, 1)
"""Permutations of a map to channels first, and back."""


class Step:
    """An operator in hand.

    Parameters
    ----------
    tensors: of the operator's inputs, None for those that are left out.
    inputs: what they are.
    """

    def __init__(
        self,
        builder: Builder,
        node: TfNode,
        path: str,
        tensors: list[TfTensor | None],
        inputs: list[Value | None],
    ) -> None:
        self.builder = builder
        self.node = node
        self.path = path
        self.said = node.kind
        self.tensors = tensors
        self.inputs = inputs

    def option(self, name: str, default: Any = 0) -> Any:
        """An option of the operator's, by the schema's name."""
        return self.node.options.get(name, default)

    def has(self, index: int) -> bool:
        """Whether an input is there."""
        return index < len(self.inputs) and self.inputs[index] is not None

    def value(self, index: int = 0) -> torch.fx.Node:
        """An input that follows from the images. Raises NodeProblem if it does not, or is missing."""
        found = self.inputs[index] if index < len(self.inputs) else None
        if not isinstance(found, torch.fx.Node):
            what = "is missing" if found is None else "is a constant"
            raise NodeProblem(f"{self.said} whose input {index} {what}", "what follows from the images")
        return found

    def array(self, index: int) -> Array:
        """An input that the file holds. Raises NodeProblem if it follows from the images."""
        found = self.inputs[index] if index < len(self.inputs) else None
        if not isinstance(found, np.ndarray):
            what = "is missing" if found is None else "follows from the images"
            raise NodeProblem(f"{self.said} whose input {index} {what}", "weights that the file holds")
        return found

    def floats(self, index: int) -> torch.Tensor:
        """The same as float32, dequantised. Raises NodeProblem if it is of another type or not finite."""
        tensor = self.tensors[index]
        values = self.array(index)
        name = "" if tensor is None else tensor.name
        return float_tensor(dequantized(values, tensor), f"{self.said}'s {name!r}")

    def integers(self, index: int) -> list[int]:
        """Whole numbers that the file holds, in one axis."""
        return [int(it) for it in self.array(index).reshape(-1)]

    def shape(self, value: torch.fx.Node) -> tuple[int, ...]:
        """Shape of a value."""
        return self.builder.shape(value)

    def call(self, function: Any, *args: Any, **named: Any) -> torch.fx.Node:
        """A function with the operator's name."""
        return self.builder.call(self.path, self.said, function, *args, **named)

    def layer(self, layer: torch.nn.Module, *inputs: torch.fx.Node) -> torch.fx.Node:
        """A layer with the operator's name."""
        return self.builder.layer(self.path, self.said, layer, *inputs)

    def first(self, value: torch.fx.Node) -> torch.fx.Node:
        """A map with its channels first. Raises NodeProblem for what is no map."""
        if len(self.shape(value)) != 4:
            raise NodeProblem(f"{self.said} on a tensor of shape {self.shape(value)}", "maps: four axes")
        return self.call(torch.permute, value, FIRST)

    def last(self, value: torch.fx.Node) -> torch.fx.Node:
        """A map with channels first as the file has it."""
        return self.call(torch.permute, value, LAST)

    def positive(self, value: torch.fx.Node) -> torch.fx.Node:
        """The same value, known never to be negative."""
        self.builder.positive.add(value)
        return value

    def kept(self, value: torch.fx.Node, made: torch.fx.Node) -> torch.fx.Node:
        """`made`, never negative where `value`, of which it was made, is not."""
        return self.positive(made) if value in self.builder.positive else made


def dequantized(values: Array, tensor: TfTensor | None) -> Array:
    """Integers as the floats that they stand for; anything else as it is.

    Raises NodeProblem if scales and values do not fit together.
    """
    if tensor is None or not tensor.scales.size or values.dtype.kind not in "iu":
        return values
    scales, zeros = tensor.scales, tensor.zeros
    if not np.isfinite(scales).all():
        raise NodeProblem(f"{tensor.name!r}: a scale of {scales[~np.isfinite(scales)][0]}", "finite values")
    if scales.size > 1:
        shape = [1] * values.ndim
        if not 0 <= tensor.axis < values.ndim or values.shape[tensor.axis] != scales.size:
            found = f"{tensor.name!r}: {scales.size} scales on axis {tensor.axis} of shape {values.shape}"
            raise NodeProblem(found, "a scale for each index of an axis")
        shape[tensor.axis] = -1
        scales, zeros = scales.reshape(shape), zeros.reshape(shape) if zeros.size > 1 else zeros
    floats: Array = ((values.astype(np.int64) - zeros) * scales.astype(np.float64)).astype(np.float32)
    return floats
