"""Sequences (N, C, L) become maps of one row, (N, C, 1, L): neighbours in time are neighbouring lanes.

One that a map of one column was squeezed into stays a map of one column.
"""

from collections.abc import Callable
from math import prod
from typing import Any

import torch
import torch.fx
from torch import nn

from golden.frontend.edit import constant_of, path_of, put_constant, put_layer, shape_of, source_of, what_of
from golden.frontend.foreign import Refused
from golden.frontend.layers import convolution
from golden.frontend.padding import Refuse
from golden.graph.operations.flatten import FLATTEN
from golden.graph.operations.pooling import AveragePooling, MaxPooling
from golden.graph.operations.registry import meaning
from golden.graph.operations.window import Window

Pair = Callable[[Any, int], tuple[int, int]]
"""(a number of a sequence's layer, the number of the other axis) → the numbers of both axes."""

_ROWS = 3
"""Axis along which the pixels of a sequence lie where it is a row of a map; 2 for a column."""

_MEANS = (torch.mean, "mean")


def as_maps(images: torch.Tensor) -> torch.Tensor:
    """Sequences (N, C, L) as maps (N, C, 1, L), features (N, F) as maps (N, F, 1, 1); maps as they are."""
    if images.ndim == 2:
        return images[:, :, None, None]
    return images.unsqueeze(2) if images.ndim == 3 else images


def lay_features(traced: torch.fx.GraphModule) -> None:
    """A network of features (N, F) flattens the maps of one pixel that come in their place."""
    for node in list(traced.graph.nodes):
        if node.op != "placeholder" or len(shape_of(node)) != 2:
            continue
        with traced.graph.inserting_after(node):
            flat = traced.graph.call_function(torch.flatten, (node, 1))
        node.replace_all_uses_with(flat, delete_user_cb=lambda user, flat=flat: user is not flat)
        flat.meta = dict(node.meta)
        node.meta["shape"] = (*shape_of(node), 1, 1)


def lay_sequences(traced: torch.fx.GraphModule, refuse: Refuse) -> None:
    """Puts layers of maps in the place of those of sequences; the network then takes `as_maps` of its images.

    Parameters
    ----------
    refuse: notes a reshape between sequences and maps that is not another way to count the same values.
    """
    nodes = [it for it in traced.graph.nodes if it.op not in ("placeholder", "get_attr", "output")]
    found = [(node, _first(traced, node), shape_of(node)) for node in nodes]
    shapes = {it: shape_of(it) for it in traced.graph.nodes}
    axes: dict[torch.fx.Node, int] = {}
    for node, source, after in found:
        if source is None or 3 not in (len(shapes[source]), len(after)):
            continue
        axis = axes[node] = axes.get(source, _ROWS)
        if meaning(what_of(traced, node)) is FLATTEN or node.target in _DROPS:
            axes[node] = _reshape(traced, node, shapes[source], axis, refuse)
        elif node.op == "call_module":
            _layer(traced, node, axis)
        else:
            _function(traced, node, axis)
    for node in traced.graph.nodes:
        if len(shape := shape_of(node)) == 3 and node.op != "get_attr":
            length = (1, shape[2]) if axes.get(node, _ROWS) == _ROWS else (shape[2], 1)
            node.meta["shape"] = (*shape[:2], *length)


def _first(traced: torch.fx.GraphModule, node: torch.fx.Node) -> torch.fx.Node | None:
    """The first value of the network that a node takes."""
    return next((it for it in node.all_input_nodes if constant_of(traced, it) is None), None)


_DROPS = ("squeeze", torch.squeeze, "unsqueeze", torch.unsqueeze)


def _reshape(
    traced: torch.fx.GraphModule, node: torch.fx.Node, before: tuple[int, ...], axis: int, refuse: Refuse
) -> int:
    """A map of one row or column is a sequence, a sequence flattened is its map flattened; gives the axis."""
    source, after = source_of(node), shape_of(node)
    assert source is not None
    if after == (before[0], prod(before[1:])):
        with traced.graph.inserting_before(node):
            made = traced.graph.call_function(torch.flatten, (source, 1))
        made.meta = dict(node.meta)
        node.replace_all_uses_with(made)
        return axis
    if after == before:
        node.replace_all_uses_with(source)
        return axis
    of_map, sequence = (before, after) if len(before) == 4 else (after, before)
    fits = (len(of_map), len(sequence)) == (4, 3) and of_map[:2] == sequence[:2] and 1 in of_map[2:]
    own = _ROWS if fits and of_map[2] == 1 else 2
    if not fits or (len(before) == 3 and own != axis and of_map[2:] != (1, 1)):
        found = f"a reshape from {tuple(before[1:])} to {tuple(after[1:])}"
        refuse(node, found, "sequences (channels, length) from and to maps of one row or one column")
        return axis
    node.replace_all_uses_with(source)
    return own


def _layer(traced: torch.fx.GraphModule, node: torch.fx.Node, axis: int) -> None:
    """The layer of maps in the place of one of sequences."""
    source, after = source_of(node), shape_of(node)

    def pair(value: Any, other: int) -> tuple[int, int]:
        (number,) = value if isinstance(value, tuple | list) else (value,)
        return (other, number) if axis == _ROWS else (number, other)

    layer = traced.get_submodule(str(node.target))
    if isinstance(layer, Refused):
        made: nn.Module | None = Refused(layer.found, layer.supported, (after[1], *pair(after[2:], 1)))
    else:
        make = _LAYERS.get(type(layer))
        made = None if make is None else make(layer, pair)
    if made is not None and source is not None:
        length = (after[0], after[1], *pair(after[2:], 1)) if len(after) == 3 else after
        found = put_layer(traced, node, made.eval(), source, path_of(node))
        if after:
            found.meta["shape"] = length


def _convolution(layer: Any, pair: Pair) -> nn.Module:
    padding = layer.padding if isinstance(layer.padding, str) else pair(layer.padding, 0)
    weight = layer.weight.detach()
    whole = weight.reshape(*weight.shape[:2], *pair(weight.shape[2:], 1))
    bias = None if layer.bias is None else layer.bias.detach()
    sizes = (pair(layer.stride, 1), padding, pair(layer.dilation, 1))
    made = convolution(whole, bias, *sizes, layer.groups)
    made.padding_mode = layer.padding_mode
    return made


def _max_pool(layer: Any, pair: Pair) -> nn.Module:
    sizes = (pair(layer.kernel_size, 1), pair(layer.stride, 1), pair(layer.padding, 0))
    return nn.MaxPool2d(*sizes, pair(layer.dilation, 1), layer.return_indices, layer.ceil_mode)


def _average_pool(layer: Any, pair: Pair) -> nn.Module:
    sizes = (pair(layer.kernel_size, 1), pair(layer.stride, 1), pair(layer.padding, 0))
    return nn.AvgPool2d(*sizes, layer.ceil_mode, layer.count_include_pad)


def _norm(layer: Any, _: Pair) -> nn.Module:
    made = nn.BatchNorm2d.__new__(nn.BatchNorm2d)
    made.__dict__ = dict(layer.__dict__)
    return made


def _upsample(layer: Any, pair: Pair) -> nn.Module:
    size = None if layer.size is None else pair(layer.size, 1)
    factor = layer.scale_factor
    factors = None if factor is None else tuple(float(it) for it in pair(factor, 1))
    return nn.Upsample(size, factors, layer.mode, layer.align_corners, layer.recompute_scale_factor)


def _padding(layer: Any, pair: Pair) -> nn.Module:
    (above, left), (below, right) = (pair(side, 0) for side in layer.padding)
    return nn.ConstantPad2d((left, right, above, below), getattr(layer, "value", 0.0))


def _turned(window: Window, pair: Pair) -> Window:
    """The window of a sequence, whose map has one row, in its place among maps."""
    (top, left), (bottom, right) = (pair(it, 0) for it in window.padding[2:])
    kernel, stride, dilation = (pair(it[1], 1) for it in (window.kernel, window.stride, window.dilation))
    return Window(kernel, stride, (top, bottom, left, right), dilation)


_LAYERS: dict[type[nn.Module], Callable[[Any, Pair], nn.Module]] = {
    nn.AdaptiveAvgPool1d: lambda layer, pair: nn.AdaptiveAvgPool2d(pair(layer.output_size, 1)),
    AveragePooling: lambda layer, pair: AveragePooling(
        _turned(layer.window, pair), layer.ceil, layer.counted
    ),
    MaxPooling: lambda layer, pair: MaxPooling(_turned(layer.window, pair), layer.ceil),
    nn.AvgPool1d: _average_pool,
    nn.BatchNorm1d: _norm,
    nn.ConstantPad1d: _padding,
    nn.Conv1d: _convolution,
    nn.Dropout1d: lambda _, __: nn.Identity(),
    nn.MaxPool1d: _max_pool,
    nn.Upsample: _upsample,
    nn.ZeroPad1d: _padding,
}
"""Layer of sequences → the layer of maps that does the same."""


def _function(traced: torch.fx.GraphModule, node: torch.fx.Node, axis: int) -> None:
    """Axes of functions, and constants beside sequences, as they are of maps."""
    if node.target in _MEANS:
        given = dict(zip(("input", "dim", "keepdim"), node.args, strict=False)) | dict(node.kwargs)
        dims = given.get("dim")
        if isinstance(dims, int | tuple | list):
            own = {it % 3 for it in ((dims,) if isinstance(dims, int) else dims)}
            # The other axis of the map has one pixel.
            wide = sorted(own - {2}) + ([2, 3] if 2 in own else [])
            node.args = (node.args[0], tuple(wide), bool(given.get("keepdim", False)))
            node.kwargs = {}
    elif node.target in (torch.cat, torch.concat):
        given = dict(zip(("tensors", "dim"), node.args, strict=False)) | dict(node.kwargs)
        dim: Any = given.get("dim", 0)
        node.args, node.kwargs = (given["tensors"], axis if dim % 3 == 2 else dim % 3), {}
    elif node.target is nn.functional.pad and axis != _ROWS:
        given = dict(zip(("input", "pad"), node.args, strict=False)) | dict(node.kwargs)
        sides: Any = given["pad"]
        node.args = (given["input"], (0, 0, *sides), *node.args[2:])
        node.kwargs = {name: it for name, it in node.kwargs.items() if name not in ("input", "pad")}
    else:
        for constant in node.all_input_nodes:
            value = constant_of(traced, constant)
            if value is not None and value.ndim > 1:
                laid = value.unsqueeze(value.ndim - 1 if axis == _ROWS else value.ndim)
                node.replace_input_with(constant, put_constant(traced, laid, node))
