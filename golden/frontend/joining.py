"""Concatenations of a network in the making: which tensors are written side by side, and which are copied."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.fx

from golden.graph.floats import FloatLayer
from golden.graph.joined import SideBySide
from golden.graph.operations.convolution import FloatConvolution
from golden.graph.operations.relu6 import FloatRelu6
from golden.graph.operations.window import Window
from golden.spec.errors import UnsupportedError

Refuse = Callable[[str, str], UnsupportedError]
"""(what was found, what is supported) → the error that names the node."""

Shape = tuple[int, int, int]


def operands(node: torch.fx.Node, refuse: Refuse) -> list[torch.fx.Node]:
    """The tensors that a concatenation joins along the channels. Raises what `refuse` gives for another."""
    given: dict[str, Any] = dict(zip(("tensors", "dim"), node.args, strict=False)) | dict(node.kwargs)
    tensors, axis = given.pop("tensors", None), given.pop("dim", given.pop("axis", 0))
    if given or not isinstance(tensors, list | tuple) or not tensors:
        raise refuse("a concatenation in an unusual way", "torch.cat((x, y), 1)")
    if not all(isinstance(it, torch.fx.Node) and it.op != "get_attr" for it in tensors):
        raise refuse("a concatenation with what is no tensor of the network", "tensors of the network alone")
    shapes = [tuple(it.meta.get("shape", ())) for it in tensors]
    if not isinstance(axis, int) or axis % max(len(shapes[0]), 1) != 1:
        raise refuse(f"a concatenation along axis {axis} of {shapes[0]}", "along the channels, axis 1")
    return list(tensors)


class Joining:
    """Adds concatenations to layers; copies what cannot be written where it belongs.

    Parameters
    ----------
    layers: so far, in order; grows by copies.  shapes, maps: of features and layers, likewise.

    Members
    -------
    joined: see `golden.graph.floats.FloatGraph`.
    """

    def __init__(
        self, layers: list[FloatLayer], shapes: dict[str, Shape], maps: dict[str, tuple[int, int]]
    ) -> None:
        self._layers = layers
        self._shapes = shapes
        self._maps = maps
        self._side = SideBySide()
        self.joined: dict[str, tuple[str, ...]] = {}

    def join(self, name: str, features: list[str], refuse: Refuse) -> str:
        """The feature of a concatenation, called `name`. Raises what `refuse` gives for maps of two sizes."""
        parts = [part for it in features for part in self.joined.get(it, (it,))]
        sizes = list(dict.fromkeys(self._shapes[it][1:] for it in parts))
        if len(sizes) > 1:
            raise refuse(f"the concatenation of maps of {sizes[0]} and {sizes[1]} pixels", "maps of one size")
        placed: list[str] = []
        apart = len({self._kind(it) for it in parts}) > 1
        for number, part in enumerate(parts, 1):
            fits = self._kind(part) is not None and not (apart and self._kind(part) == FloatRelu6.__name__)
            fits &= part not in placed and (not placed or self._side.fits(placed[-1], part))
            if not fits:
                part = self.copy(part, f"{name} copy {number}")
            if placed:
                self._side.put(placed[-1], part)
            placed.append(part)
        if len(placed) == 1:
            return placed[0]
        self.joined[name] = tuple(placed)
        self._shapes[name] = (sum(self._shapes[it][0] for it in placed), *sizes[0])
        return name

    def power_of_two(self, name: str) -> bool:
        """Whether a step of a feature is worth a power of two, so that it can be added."""
        return all(self._kind(it) == "" for it in self.joined.get(name, (name,)) if it in self._writers)

    def copy(self, source: str, path: str) -> str:
        """A layer that gives what it takes, on steps of its own; the name of its output."""
        shape = self._shapes[source]
        weight = torch.ones(shape[0], 1, 1, 1)
        product = FloatConvolution(weight, torch.zeros(shape[0]), Window((1, 1)), groups=shape[0])
        self._layers.append(FloatLayer(path, source, path, product))
        self._shapes[path], self._maps[path] = shape, shape[1:]
        return path

    @property
    def _writers(self) -> Mapping[str, FloatLayer]:
        return {layer.output: layer for layer in self._layers}

    def _kind(self, name: str) -> str | None:
        """Of the steps of a feature: "" for a power of two as coarse as one likes; ReLU6's, which fit those
        of other ReLU6 alone; None for others, and for the images."""
        layer = self._writers.get(name)
        if layer is None:
            return None
        if not isinstance(layer.product, FloatConvolution) and math.log2(layer.product.count) % 1:
            return None
        if not all(self.power_of_two(it) for it in (layer.input, *layer.gates) if layer.gates):
            return None
        odd = [it for it in layer.epilogue if not it.power_of_two]
        if not odd:
            return ""
        return FloatRelu6.__name__ if all(isinstance(it, FloatRelu6) for it in odd) else None
