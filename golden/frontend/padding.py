"""Zeros around a map as an operation of their own: they go into the convolutions that follow."""

from collections.abc import Callable
from typing import Any

import torch.fx
from torch import nn

from golden.frontend.edit import path_of, put_layer
from golden.frontend.layers import convolution
from golden.graph.operations.convolution import with_sides

Sides = tuple[int, int, int, int]
"""Rows and columns of zeros: (top, bottom, left, right)."""

Refuse = Callable[[torch.fx.Node, str, str], None]
"""Notes a node, what was found and what is supported."""

_BEFORE = "zeros around a map directly before convolutions, each side 0 or more"


def fold_padding(traced: torch.fx.GraphModule, refuse: Refuse) -> None:
    """Takes paddings into the convolutions that read them; refuses what no convolution here can say."""
    for node in list(traced.graph.nodes):
        if (sides := _sides(traced, node)) is None:
            continue
        readers = list(node.users)
        layers = [_convolution(traced, reader) for reader in readers]
        if isinstance(sides, str) or min(sides) < 0 or None in layers or not layers:
            refuse(node, f"padding {sides if isinstance(sides, str) else _words(sides)}", _BEFORE)
            continue
        wholes = [_whole(sides, layer) for layer in layers]
        for reader, layer, whole in zip(readers, layers, wholes, strict=True):
            made = convolution(
                layer.weight, layer.bias, layer.stride, (whole[0], whole[2]), layer.dilation, layer.groups
            )
            if whole[::2] != whole[1::2]:
                with_sides(made, whole)
            put_layer(traced, reader, made, node.args[0], path_of(reader))
        traced.graph.erase_node(node)


def same_padding(size: int, window: int, stride: int) -> tuple[int, int]:
    """Zeros on the two sides of an axis that TensorFlow's SAME adds, the smaller number first.

    Parameters
    ----------
    size: of the map. window: of the kernel, dilation counted.
    """
    whole = max((-(-size // stride) - 1) * stride + window - size, 0)
    return whole // 2, whole - whole // 2


def _words(sides: Sides) -> str:
    return f"{sides} (top, bottom, left, right)"


def _sides(traced: torch.fx.GraphModule, node: torch.fx.Node) -> Sides | str | None:
    """What a node pads, in words where that is no zeros around a map; None if it does not pad."""
    if node.op == "call_module":
        layer = traced.get_submodule(str(node.target))
        if isinstance(layer, nn.ZeroPad2d) or (isinstance(layer, nn.ConstantPad2d) and layer.value == 0):
            left, right, top, bottom = layer.padding
            return top, bottom, left, right
    if node.op != "call_function" or node.target is not nn.functional.pad:
        return None
    given = dict(zip(("input", "pad", "mode", "value"), node.args, strict=False)) | dict(node.kwargs)
    if given.get("mode", "constant") != "constant" or given.get("value") not in (None, 0):
        return f"in mode {given.get('mode', 'constant')!r} with {given.get('value', 0)}"
    pads = given["pad"]
    if not isinstance(pads, tuple | list) or not all(isinstance(it, int) for it in pads):
        return f"by {pads}"
    left, right, top, bottom = (*pads, 0, 0)[:4]
    return f"of other axes, {tuple(pads)}" if any(pads[4:]) else (top, bottom, left, right)


def _convolution(traced: torch.fx.GraphModule, node: torch.fx.Node) -> Any:
    """The convolution layer that a node is, if zeros before it can be its own."""
    layer = traced.get_submodule(str(node.target)) if node.op == "call_module" else None
    return layer if type(layer) is nn.Conv2d and layer.padding_mode == "zeros" else None


def _whole(sides: Sides, layer: nn.Conv2d) -> Sides:
    """Zeros of both together."""
    left, right, top, bottom = layer._reversed_padding_repeated_twice
    return sides[0] + top, sides[1] + bottom, sides[2] + left, sides[3] + right
