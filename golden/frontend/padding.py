"""Zeros around a map as an operation of their own: they go into the convolutions and poolings that follow."""

from collections.abc import Callable
from typing import Any

import torch.fx
from torch import nn

from golden.frontend.edit import path_of, put_layer, source_of, what_of
from golden.frontend.layers import convolution
from golden.graph.operations.convolution import with_sides
from golden.graph.operations.pooling import AveragePooling, MaxPooling
from golden.graph.operations.registry import meaning
from golden.graph.operations.relu import RELU
from golden.graph.operations.relu6 import RELU6
from golden.graph.operations.window import Window, pair

Sides = tuple[int, int, int, int]
"""Rows and columns of zeros: (top, bottom, left, right)."""

Refuse = Callable[[torch.fx.Node, str, str], None]
"""Notes a node, what was found and what is supported."""

_BEFORE = (
    "zeros around a map directly before convolutions, average pooling, or max pooling behind a ReLU, each "
    "side 0 or more"
)


def fold_padding(traced: torch.fx.GraphModule, refuse: Refuse) -> None:
    """Takes paddings into the layers that read them; refuses what none of them can say."""
    for node in list(traced.graph.nodes):
        if (sides := _sides(traced, node)) is None:
            continue
        readers = list(node.users)
        layers: list[nn.Module | None] = []
        if not isinstance(sides, str) and min(sides) >= 0:
            layers = [_padded(traced, reader, node, sides) for reader in readers]
        if None in layers or not layers:
            refuse(node, f"padding {sides if isinstance(sides, str) else _words(sides)}", _BEFORE)
            continue
        for reader, layer in zip(readers, layers, strict=True):
            assert layer is not None
            put_layer(traced, reader, layer, node.args[0], path_of(reader))
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


def _padded(
    traced: torch.fx.GraphModule, reader: torch.fx.Node, padding: torch.fx.Node, sides: Sides
) -> nn.Module | None:
    """The layer that a node is, with the zeros before it as its own; None if they cannot be."""
    layer: Any = traced.get_submodule(str(reader.target)) if reader.op == "call_module" else None
    if type(layer) is nn.Conv2d and layer.padding_mode == "zeros":
        left, right, top, bottom = layer._reversed_padding_repeated_twice
        whole = _sum(sides, (top, bottom, left, right))
        made = convolution(
            layer.weight, layer.bias, layer.stride, (whole[0], whole[2]), layer.dilation, layer.groups
        )
        if whole[::2] != whole[1::2]:
            with_sides(made, whole)
        return made
    if type(layer) not in (nn.AvgPool2d, nn.MaxPool2d) or layer.ceil_mode:
        return None
    rows, columns = pair(layer.padding)
    kernel, stride = pair(layer.kernel_size), pair(layer.stride)
    whole = _sum(sides, (rows, rows, columns, columns))
    if type(layer) is nn.MaxPool2d:
        # Where no window sees zeros alone, they are not above what a ReLU gives.
        source = source_of(padding)
        behind = None if source is None else meaning(what_of(traced, source))
        dilation = pair(layer.dilation)
        spans = [(size - 1) * far + 1 for size, far in zip(kernel, dilation, strict=True)]
        alone = max(whole[:2]) >= spans[0] or max(whole[2:]) >= spans[1]
        if behind not in (RELU, RELU6) or layer.return_indices or alone:
            return None
        return MaxPooling(Window(kernel, stride, whole, dilation))
    if layer.divisor_override is not None or (not layer.count_include_pad and (rows or columns)):
        return None
    return AveragePooling(Window(kernel, stride, whole), counted=True)


def _sum(one: Sides, other: Sides) -> Sides:
    """Zeros of both together."""
    return one[0] + other[0], one[1] + other[1], one[2] + other[2], one[3] + other[3]
