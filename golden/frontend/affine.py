"""Factors and offsets of channels: into the layer before them, or, of images, into the layer behind them."""

import operator
from typing import Any

import torch
import torch.fx
from torch import nn

from golden.frontend.edit import changed, constant_of, path_of, put_layer, shape_of, source_of, what_of
from golden.frontend.layers import convolution
from golden.graph.operations.flatten import FLATTEN
from golden.graph.operations.registry import meaning

_SUMS = {operator.add, operator.iadd, torch.add, "add", "add_"}
_DIFFERENCES = {operator.sub, operator.isub, torch.sub, torch.subtract, "sub", "sub_"}
_PRODUCTS = {operator.mul, operator.imul, torch.mul, torch.multiply, "mul", "mul_"}
_QUOTIENTS = {operator.truediv, operator.itruediv, torch.div, torch.true_divide, "div", "div_"}


class Affine:
    """y = factor · x + offset, both float64 tensors that broadcast against `source`'s channels alone."""

    def __init__(self, source: torch.fx.Node, factor: torch.Tensor, offset: torch.Tensor) -> None:
        self.source = source
        self.factor = factor
        self.offset = offset


def affine_of(traced: torch.fx.GraphModule, node: torch.fx.Node) -> Affine | None:
    """What a node does to each channel, if it is arithmetic with constants, or a batch norm."""
    if node.op == "call_module":
        return _norm(traced.get_submodule(str(node.target)), node)
    if node.op not in ("call_function", "call_method") or len(node.args) != 2:
        return None
    alpha = float(node.kwargs.get("alpha", 1))  # type: ignore[arg-type]
    if set(node.kwargs) - {"alpha"}:
        return None
    left, right = (_number(traced, it) for it in node.args)
    if (left is None) == (right is None):
        return None
    source = node.args[0] if left is None else node.args[1]
    if not isinstance(source, torch.fx.Node):
        return None
    one = torch.ones(1, dtype=torch.float64)
    found: tuple[Any, Any]
    if node.target in _SUMS:
        found = (one, alpha * right) if right is not None else (alpha * one, left)
    elif node.target in _DIFFERENCES:
        found = (one, -alpha * right) if right is not None else (-alpha * one, left)
    elif node.target in _PRODUCTS:
        found = (left if right is None else right, 0 * one)
    elif node.target in _QUOTIENTS and right is not None:
        found = (one / right, 0 * one)
    else:
        return None
    factor, offset = (_by_channel(it, shape_of(source)) for it in found)
    return None if factor is None or offset is None else Affine(source, factor, offset)


def _number(traced: torch.fx.GraphModule, value: Any) -> torch.Tensor | None:
    """A constant in float64."""
    if isinstance(value, int | float):
        return torch.tensor([value], dtype=torch.float64)
    found = constant_of(traced, value)
    return None if found is None or not found.is_floating_point() else found.double()


def _by_channel(value: Any, shape: tuple[int, ...]) -> torch.Tensor | None:
    """One number, or one for each channel, (C,); None for what differs within a channel."""
    if value.numel() == 1:
        return value.reshape(1)
    wanted = (shape[1], *(1 for _ in shape[2:])) if len(shape) >= 2 else ()
    padded = (1,) * (len(shape) - value.ndim) + tuple(value.shape)
    return value.reshape(-1) if wanted and padded == (1, *wanted) else None


def _norm(layer: nn.Module, node: torch.fx.Node) -> Affine | None:
    kinds = (nn.BatchNorm1d, nn.BatchNorm2d)
    source = source_of(node)
    if type(layer) not in kinds or source is None or layer.running_mean is None or layer.running_var is None:
        return None
    found: Any = layer
    factor = 1 / (found.running_var.double() + found.eps).sqrt()
    offset = -found.running_mean.double() * factor
    if found.affine:
        gamma, beta = found.weight.detach().double(), found.bias.detach().double()
        factor, offset = factor * gamma, offset * gamma + beta
    return Affine(source, factor, offset)


def fold_into_layers(traced: torch.fx.GraphModule) -> None:
    """Factors and offsets directly behind a convolution, linear layer or batch norm become part of it."""
    for node in list(traced.graph.nodes):
        if node.op == "call_module" and meaning(type(traced.get_submodule(str(node.target)))) is not None:
            continue
        found = affine_of(traced, node)
        if found is None or len(found.source.users) != 1 or found.source.op != "call_module":
            continue
        layer: Any = traced.get_submodule(str(found.source.target))
        source = source_of(found.source)
        if type(layer) not in (nn.Conv2d, nn.Linear, nn.BatchNorm2d) or source is None:
            continue
        count = layer.num_features if type(layer) is nn.BatchNorm2d else len(layer.weight)
        if type(layer) is nn.Linear and len(shape_of(found.source)) != 2:
            continue  # on more axes its outputs are no channels
        factor, offset = (it.expand(count) for it in (found.factor, found.offset))
        weight = torch.ones(count) if layer.weight is None else layer.weight.detach()
        bias = torch.zeros(count) if layer.bias is None else layer.bias.detach()
        made = changed(
            layer,
            weight=(weight.double() * factor.reshape(-1, *(1 for _ in weight.shape[1:]))).float(),
            bias=(bias.double() * factor + offset).float(),
        )
        if isinstance(layer, nn.BatchNorm2d):
            made.affine = True
        path = path_of(found.source)
        node.replace_all_uses_with(found.source)
        traced.graph.erase_node(node)
        put_layer(traced, found.source, made, source, path)


def fold_input(traced: torch.fx.GraphModule) -> None:
    """What normalises the images becomes part of the layers that read them, where that is exact.

    It is if those do not pad, or nothing is subtracted: zeros around the normalised images are no zeros
    around the images. Else it becomes a layer of its own, a convolution of one position, whose result is
    padded as the user's network pads it.
    """
    images = next((it for it in traced.graph.nodes if it.op == "placeholder"), None)
    if images is None or len(shape_of(images)) != 4:
        return
    start = images
    if len(images.users) == 1 and meaning(what_of(traced, it := next(iter(images.users)))) is FLATTEN:
        start = it
    last, chain = start, []
    while len(last.users) == 1 and (found := affine_of(traced, after := next(iter(last.users)))) is not None:
        if found.source is not last:
            return
        chain.append((after, found))
        last = after
    if not chain:
        return
    channels = shape_of(start)[1]
    factor, offset = torch.ones(channels).double(), torch.zeros(channels).double()
    for _, found in chain:
        factor, offset = factor * found.factor, offset * found.factor + found.offset
    first, readers = chain[0][0], [_Reader(traced, it) for it in last.users]
    layers = [it.folded(factor, offset) for it in readers]
    if (None in layers or not layers) and start is images:
        layer = convolution(torch.diag(factor).float()[:, :, None, None], offset.float(), 1, 0, 1, 1)
        put_layer(traced, last, layer, images, path_of(first).removeprefix("node "))
    elif None in layers or not layers:
        return
    else:
        last.replace_all_uses_with(start)
        for reader, layer in zip(readers, layers, strict=True):
            source = source_of(reader.node)
            assert source is not None
            put_layer(traced, reader.node, layer, source, path_of(reader.node))
    for node, _ in reversed(chain):
        if node in traced.graph.nodes:
            traced.graph.erase_node(node)


class _Reader:
    """A layer that reads normalised images, directly or through a flatten."""

    def __init__(self, traced: torch.fx.GraphModule, node: torch.fx.Node) -> None:
        self.flat = meaning(what_of(traced, node)) is FLATTEN and len(node.users) == 1
        self.node = next(iter(node.users)) if self.flat else node
        is_layer = self.node.op == "call_module"
        self.layer: Any = traced.get_submodule(str(self.node.target)) if is_layer else None

    def folded(self, factor: torch.Tensor, offset: torch.Tensor) -> Any:
        """The layer for images as they come, if it can be one; `factor` and `offset` are (C,)."""
        layer, kind = self.layer, type(self.layer)
        if kind is nn.Linear and layer.in_features % len(factor) == 0:
            pixels = layer.in_features // len(factor)
            factor, offset = (it.repeat_interleave(pixels) for it in (factor, offset))
        elif kind is nn.Conv2d and not self.flat and layer.padding_mode == "zeros" and layer.groups == 1:
            if bool(offset.any()) and any(layer._reversed_padding_repeated_twice):
                return None
            factor, offset = (it[:, None, None] for it in (factor, offset))
        else:
            return None
        weight = layer.weight.detach().double()
        bias = torch.zeros(len(weight)).double() if layer.bias is None else layer.bias.detach().double()
        moved = (weight * offset).flatten(1).sum(1)
        return changed(layer, weight=(weight * factor).float(), bias=(bias + moved).float())
