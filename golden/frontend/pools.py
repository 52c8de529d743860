"""Average pooling that its map's size makes a simpler one."""

from typing import Any

import torch.fx
from torch import nn

from golden.frontend.edit import path_of, put_layer, shape_of, source_of
from golden.graph.operations.window import Window, pair


def settle_pools(traced: torch.fx.GraphModule) -> None:
    """Adaptive pooling to a size that divides the map's becomes pooling over windows; `ceil_mode` goes where
    it adds no window."""
    for node in list(traced.graph.nodes):
        source = source_of(node)
        if node.op != "call_module" or source is None or len(shape_of(source)) != 4:
            continue
        layer: Any = traced.get_submodule(str(node.target))
        made = None
        if type(layer) is nn.AdaptiveAvgPool2d and len(shape_of(node)) == 4:
            made = _divided(shape_of(source)[2:], shape_of(node)[2:])
        elif type(layer) is nn.AvgPool2d and layer.ceil_mode:
            made = _floored(layer, shape_of(source)[2:])
        if made is not None:
            put_layer(traced, node, made, source, path_of(node))


def _divided(before: tuple[int, ...], after: tuple[int, ...]) -> nn.Module | None:
    """Windows side by side; None for one pixel, which is a mean, and where they would be uneven."""
    if after == (1, 1) or any(size % count for size, count in zip(before, after, strict=True)):
        return None
    return nn.AvgPool2d((before[0] // after[0], before[1] // after[1]))


def _floored(layer: Any, size: tuple[int, ...]) -> nn.Module | None:
    """The same without `ceil_mode`, if that gives as many windows."""
    rows, columns = pair(layer.padding)
    window = Window(pair(layer.kernel_size), pair(layer.stride), (rows, rows, columns, columns))
    ceiled = window.to_the_end(size[0], size[1])
    if ceiled.size(size[0], size[1]) != window.size(size[0], size[1]):
        return None
    sizes = (layer.kernel_size, layer.stride, layer.padding)
    return nn.AvgPool2d(*sizes, False, layer.count_include_pad, layer.divisor_override)
