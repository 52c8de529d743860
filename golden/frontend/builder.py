"""The nodes of a file become a torch module of torch's own layers, which runs while it is built.

So every shape is known where it is asked for, and what does not fit is told by the name of its node.
"""

import math
import re
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.fx
from torch import nn

from golden.frontend.edit import GRID, PATH, SAID, free_name
from golden.frontend.foreign import FOREIGN, Foreign, Refused
from golden.spec.errors import UnsupportedError

Array = npt.NDArray[Any]
Value = torch.fx.Node | Array
"""What a tensor of a file is: a node of the torch module, or numbers that do not depend on the images."""

LARGEST = 1 << 22
"""Values of one image, and of what one operator gives for it; those that fit an accelerator have fewer."""

TENSOR = "lightdeal_tensor"
"""Key of a node's meta: name of the file's tensor that it gives."""


class NodeProblem(Exception):
    """A node of a file that cannot be taken.

    Parameters
    ----------
    found: in words. supported: in words; None for the list of all operations.
    """

    def __init__(self, found: str, supported: str | None = None) -> None:
        super().__init__(found)
        self.found = found
        self.supported = supported


class Builder:
    """A torch module in the making.

    Parameters
    ----------
    name: of the file. count: images that it runs on while it is built.

    Members
    -------
    notes: what of the file is not in the network.
    positive: nodes whose values are never negative.
    """

    def __init__(self, name: str, count: int) -> None:
        self.name = name
        self.count = count
        self.root = nn.Module()
        self.graph = torch.fx.Graph()
        self.values: dict[torch.fx.Node, torch.Tensor] = {}
        self.notes: list[str] = []
        self.positive: set[torch.fx.Node] = set()
        self.paths: set[str] = set()
        self.kept = 0
        self.image: tuple[int, int, int] = (0, 0, 0)

    def images(self, name: str, sizes: Sequence[int]) -> torch.fx.Node:
        """The input, as the file takes it: (N, C, H, W), (N, C, L) of one row, or (N, F) of F channels and
        one pixel."""
        if prod(sizes) > LARGEST:
            raise UnsupportedError(
                f"{self.name}: input {name!r}: {prod(sizes)} values; supported: up to {LARGEST}"
            )
        channels, height, width = (sizes[0], *[1] * (3 - len(sizes)), *sizes[1:])
        self.image = (channels, height, width)
        node = self.graph.placeholder("images")
        self._note(node, name, "images", torch.zeros(self.count, *self.image))
        if len(sizes) == 1:
            node = self.call(name, "images", torch.flatten, node, 1)
        elif len(sizes) == 2:
            node = self.call(name, "images", torch.reshape, node, (-1, *sizes))
        self.positive.add(node)
        return node

    def layer(self, path: str, said: str, layer: nn.Module, *inputs: torch.fx.Node) -> torch.fx.Node:
        """A layer on the values of nodes; `said` is what the file calls it.

        Raises NodeProblem if it does not take them.
        """
        layer.eval()
        value = self._run(layer, *(self.values[it] for it in inputs))
        name = free_name(self.root, re.sub(r"\W", "_", path) or "layer")
        self.root.add_module(name, layer)
        node = self.graph.call_module(name, inputs)
        self.paths.add(unique := self._unique(path))
        return self._note(node, unique, said, value)

    def call(
        self, path: str, said: str, function: Callable[..., Any], *args: Any, **named: Any
    ) -> torch.fx.Node:
        """A function of nodes and numbers. Raises NodeProblem if it does not take them."""
        values = torch.fx.node.map_arg((args, named), self.values.__getitem__)
        value = self._run(function, *values[0], **values[1])
        node = self.graph.call_function(function, args, named)
        return self._note(node, path, said, value)

    def constant(self, value: torch.Tensor) -> torch.fx.Node:
        """A tensor that does not depend on the images."""
        name = free_name(self.root, "constant")
        self.root.register_buffer(name, value)
        return self._note(self.graph.get_attr(name), name, "a constant", value)

    def refused(
        self, path: str, problem: NodeProblem, shape: Sequence[int], *inputs: torch.fx.Node
    ) -> torch.fx.Node:
        """What stands in the place of a node that cannot be taken; `shape` of what the file says it gives."""
        layer = Refused(problem.found, problem.supported, tuple(shape[1:]))
        name = free_name(self.root, "refused")
        self.root.add_module(name, layer)
        value = torch.zeros(self.count, *shape[1:])
        return self._note(self.graph.call_module(name, inputs), path, problem.found, value)

    def rounded(self, node: torch.fx.Node, step: float, low: float, high: float) -> bool:
        """Notes that the file rounds a value to low…high steps, if an int8 can have the same steps: they are
        worth a power of two, and a range of them fits. Returns whether it can."""
        exponent = math.log2(step) if step > 0 else math.nan
        if exponent % 1 or low < -128 or high > 127:
            return False
        node.meta[GRID] = int(exponent)
        self.kept += 1
        return True

    def rounding_note(self, count: int) -> list[str]:
        """What becomes of `count` tensors that the file rounds, in words."""
        if not count:
            return []
        kept = (
            f"{self.kept} keep their steps, which are powers of two, as far as sums allow; "
            if self.kept
            else ""
        )
        which = "the grids of others" if kept else "their grids"
        return [
            f"the file rounds {count} tensors that follow from the images; they are floats here: {kept}"
            f"compression chooses {which} anew on sample images"
        ]

    def shape(self, node: torch.fx.Node) -> tuple[int, ...]:
        """Shape of a node's value, the images' axis first."""
        return tuple(self.values[node].shape)

    def reshaped(self, path: str, said: str, node: torch.fx.Node, shape: Sequence[int]) -> torch.fx.Node:
        """The values of a node counted otherwise; -1 in `shape` is what is left.

        Raises NodeProblem if images do not stay apart.
        """
        before = self.shape(node)
        after = tuple(self._run(torch.reshape, self.values[node], tuple(shape)).shape)
        if after[:1] != (self.count,):
            raise NodeProblem(f"{said} from {before} to {after}", "what keeps the images' axis first")
        if after == before:
            return node
        made = (
            self.call(path, said, torch.flatten, node, 1)
            if len(after) == 2
            else self.call(path, said, torch.reshape, node, (-1, *after[1:]))
        )
        if node in self.positive:
            self.positive.add(made)
        return made

    def finish(
        self, outputs: Sequence[torch.fx.Node], problems: Sequence[UnsupportedError], check: Any = None
    ) -> torch.fx.GraphModule:
        """The module, with `outputs` as its result, one or a tuple; `problems`, `check`: as in `Foreign`."""
        # Where some is missing the rest must not count as dead, so that it is told too.
        ends = tuple(it for it in self.graph.nodes if not it.users)
        results = outputs[0] if len(outputs) == 1 else tuple(outputs)
        self.graph.output(ends if problems else results)
        module = torch.fx.GraphModule(self.root, self.graph, self.name)
        module.meta[FOREIGN] = Foreign(self.image, tuple(self.notes), tuple(problems), check)
        return module.eval()

    def _run(self, call: Callable[..., Any], *args: Any, **named: Any) -> torch.Tensor:
        try:
            with torch.no_grad():
                found: torch.Tensor = call(*args, **named)
        except Exception as error:
            shapes = " and ".join(str(tuple(it.shape)) for it in args if isinstance(it, torch.Tensor))
            words = f"does not take {shapes}: {_reason(error)}"
            raise NodeProblem(words, "operands that fit together") from error
        return found

    def _unique(self, path: str) -> str:
        name, count = path, 2
        while name in self.paths:
            name, count = f"{path}#{count}", count + 1
        return name

    def _note(self, node: torch.fx.Node, path: str, said: str, value: torch.Tensor) -> torch.fx.Node:
        node.meta |= {PATH: path, SAID: said}
        self.values[node] = value
        return node


def odd(said: str, error: Exception) -> NodeProblem:
    """For an operator that is not as its definition says, and fails anywhere."""
    return NodeProblem(f"{said}: {_reason(error)}", "attributes and inputs as they are defined for it")


def _reason(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def float_tensor(values: Array, what: str) -> torch.Tensor:
    """Numbers of a file as a tensor. Raises NodeProblem if they are not float32, or not finite."""
    if values.dtype != np.float32:
        raise NodeProblem(f"{what}: {values.dtype}", "float32")
    if not np.isfinite(values).all():
        wrong = np.argwhere(~np.isfinite(values))
        first = wrong[0].tolist()
        raise NodeProblem(
            f"{what}: {values[tuple(first)]} at {first} ({len(wrong)} of {values.size} values)",
            "finite values",
        )
    return torch.from_numpy(values.copy())
