"""Pooling that its map's size makes another one: simpler, or with windows of divisors of their own."""

from typing import Any

import torch.fx
from torch import nn

from golden.frontend.edit import SAID, path_of, put_layer, said_of, shape_of, source_of
from golden.frontend.padding import Refuse
from golden.graph.operations.pooling import AveragePooling
from golden.graph.operations.window import Window, pair


def settle_pools(traced: torch.fx.GraphModule, refuse: Refuse) -> None:
    """Adaptive pooling to a size that divides the map's becomes pooling over windows; `ceil_mode` goes where
    it adds no window; averages in which not all counts, or of a part of a map, become the project's own.

    refuse: notes a pooling that no layer can be made of.
    """
    for node in list(traced.graph.nodes):
        source = source_of(node)
        if node.op != "call_module" or source is None or len(shape_of(source)) != 4:
            continue
        layer: Any = traced.get_submodule(str(node.target))
        size = shape_of(source)[2:]
        made = None
        if type(layer) is nn.AdaptiveAvgPool2d and len(shape_of(node)) == 4:
            made = _divided(size, shape_of(node)[2:])
        elif type(layer) is nn.AvgPool2d:
            made = _settled(layer, size)
        if made is not None:
            node.meta.setdefault(SAID, said_of(traced, node))
            node = put_layer(traced, node, made, source, path_of(node))
        layer = layer if made is None else made
        if isinstance(layer, AveragePooling):
            for found, supported in layer.product(*shape_of(source)[1:]).problems():
                refuse(node, found, supported)


def _divided(before: tuple[int, ...], after: tuple[int, ...]) -> nn.Module | None:
    """Windows side by side; None for one pixel, which is a mean, and where they would be uneven."""
    if after == (1, 1) or any(size % count for size, count in zip(before, after, strict=True)):
        return None
    return nn.AvgPool2d((before[0] // after[0], before[1] // after[1]))


def _settled(layer: Any, size: tuple[int, ...]) -> nn.Module | None:
    """What average pooling over windows is on a map of that size; None if it stays as it is."""
    rows, columns = pair(layer.padding)
    window = Window(pair(layer.kernel_size), pair(layer.stride), (rows, rows, columns, columns))
    count = window.size(size[0], size[1])
    ceil = layer.ceil_mode and window.to_the_end(size[0], size[1]).size(size[0], size[1]) != count
    counted = layer.count_include_pad or not any(window.padding)
    # One window is taken for the mean of a map.
    whole = count != (1, 1) or (window.kernel == size and not any(window.padding))
    if layer.divisor_override is None and (ceil or not counted or not whole):
        return AveragePooling(window, ceil, counted)
    if layer.ceil_mode and not ceil:
        return nn.AvgPool2d(
            layer.kernel_size, layer.stride, layer.padding, False, counted, layer.divisor_override
        )
    return None
