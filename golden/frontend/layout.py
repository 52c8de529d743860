"""Axes in another order: permutations vanish where what follows can be put in order instead.

Networks of other tools have channels last; torch's have them first, as the accelerator does. A tensor in
another order counts as the same tensor with its axes told, until a convolution has it in order again, a mean
leaves one pixel, or a linear layer takes its values, whose weights are then put in order. A linear layer on
channels that are last, such as those of a sequence's moments, is a convolution of one position.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
import torch.fx
from torch import nn

from golden.frontend.edit import (
    PATH,
    changed,
    constant_of,
    free_name,
    path_of,
    put_constant,
    put_layer,
    shape_of,
    source_of,
    what_of,
)
from golden.frontend.foreign import Refused
from golden.frontend.layers import convolution
from golden.frontend.padding import Refuse
from golden.graph.operations.flatten import FLATTEN
from golden.graph.operations.gating import Gating
from golden.graph.operations.integers import Stage
from golden.graph.operations.registry import meaning

_SUPPORTED = (
    "permutations that are undone before the next convolution, or that end in a mean over the map or in "
    "Flatten and Linear; Linear on channels that are last"
)
_MEANS = (torch.mean, "mean")


@dataclass(frozen=True)
class Order:
    """A value is `inner` with its axes permuted, and flattened behind that if `flat`.

    Parameters
    ----------
    inner: a tensor in order (flattened in its own order if `flat`).
    shape: of `inner` before it was flattened.
    axes: axis i of the value is axis `axes[i]` of that shape.
    """

    inner: torch.fx.Node
    shape: tuple[int, ...]
    axes: tuple[int, ...]
    flat: bool = False


def straighten(traced: torch.fx.GraphModule, refuse: Refuse) -> set[torch.fx.Node]:
    """Removes permutations; refuses uses of those that move data for good; returns the nodes that stay."""
    walk = _Walk(traced, refuse)
    return {node for node in traced.graph.nodes if node in walk.orders}


class _Walk:
    def __init__(self, traced: torch.fx.GraphModule, refuse: Refuse) -> None:
        self.traced = traced
        self.refuse = refuse
        self.orders: dict[torch.fx.Node, Order] = {}
        for node in list(traced.graph.nodes):
            dims = _dims(node)
            source = source_of(node)
            if dims is not None and source is not None and shape_of(source):
                self._permute(node, source, dims)
            elif any(it in self.orders for it in node.all_input_nodes) and shape_of(node):
                self._pass(node)
        traced.graph.eliminate_dead_code()

    def _permute(self, node: torch.fx.Node, source: torch.fx.Node, dims: tuple[int, ...]) -> None:
        rank = len(shape_of(source))
        before = self.orders.get(source, Order(source, shape_of(source), tuple(range(rank))))
        axes = tuple(before.axes[it] for it in dims)
        if before.flat or axes[0] != 0:
            self._refuse(node, f"the permutation {dims} of a tensor of shape {shape_of(source)}")
        else:
            self._settle(node, Order(before.inner, before.shape, axes))

    def _settle(self, node: torch.fx.Node, order: Order) -> None:
        """A node is a value in that order; in order itself it is `order.inner`."""
        if _straight(order) and (order.flat or shape_of(node) == order.shape):
            node.replace_all_uses_with(order.inner)
        else:
            self.orders[node] = order

    def _pass(self, node: torch.fx.Node) -> None:
        """What takes a value in another order."""
        operation = None if node.op == "output" else meaning(what_of(self.traced, node))
        source = source_of(node)
        if self._elementwise(node) or self._unknown(node):
            return
        if source not in self.orders or source is None:
            self._refuse(node, "a tensor whose axes were permuted")
        elif what_of(self.traced, node) is Gating and not self.orders[source].flat:
            self._gate(node, self.orders[source])
        elif node.target in _MEANS and not self.orders[source].flat:
            self._mean(node, self.orders[source])
        elif operation is FLATTEN:
            self._flatten(node, self.orders[source])
        elif what_of(self.traced, node) is nn.Linear and self.orders[source].flat:
            self._linear(node, self.orders[source])
        elif what_of(self.traced, node) is nn.Linear and self.orders[source].axes[-1] == 1:
            self._positions(node, self.orders[source])
        else:
            self._refuse(node, "a tensor whose axes were permuted")

    def _refuse(self, node: torch.fx.Node, found: str) -> None:
        self.refuse(node, found, _SUPPORTED)

    def _elementwise(self, node: torch.fx.Node) -> bool:
        """Takes what works element by element into the order of its values, if they have the same."""
        if node.op == "output":
            return False
        what = what_of(self.traced, node)
        operation = meaning(what)
        one = operation is not None and (operation.anywhere or operation.stage is Stage.ACTIVATION)
        if not one and str(getattr(what, "__name__", what)).strip("_") not in _ARITHMETIC:
            return False
        values = [it for it in node.all_input_nodes if constant_of(self.traced, it) is None]
        found = [self.orders.get(it) for it in values]
        first = found[0]
        if first is None or any(
            it is None or (it.axes, it.flat, it.shape) != (first.axes, first.flat, first.shape)
            for it in found
        ):
            return False
        inner = {it: self.orders[it].inner for it in values}
        for it in node.all_input_nodes:
            value = constant_of(self.traced, it)
            if value is not None:
                if value.numel() > 1 and first.flat:
                    return False
                inner[it] = it if value.numel() == 1 else self._in_order(value, first, node)
        with self.traced.graph.inserting_before(node):
            made = self.traced.graph.node_copy(node, inner.__getitem__)
        made.meta = {**node.meta, PATH: path_of(node), "shape": shape_of(first.inner)}
        self.orders[node] = Order(made, first.shape, first.axes, first.flat)
        return True

    def _unknown(self, node: torch.fx.Node) -> bool:
        """Leaves what is refused anyway where it is, and its axes as they were, so that only it is told."""
        source = source_of(node)
        order = None if source is None else self.orders.get(source)
        if node.op == "output" or meaning(what_of(self.traced, node)) is not None or order is None:
            return False
        inner = {it: self.orders[it].inner if it in self.orders else it for it in node.all_input_nodes}
        with self.traced.graph.inserting_before(node):
            made = self.traced.graph.node_copy(node, inner.__getitem__)
        made.meta = {**node.meta, PATH: path_of(node)}
        after = shape_of(node)
        if order.flat or len(after) != len(order.axes):
            node.replace_all_uses_with(made)
            return True
        shape = tuple(after[it] for it in _inverse(order.axes))
        made.meta["shape"] = shape
        layer = self.traced.get_submodule(str(node.target)) if node.op == "call_module" else None
        if isinstance(layer, Refused):
            made.target = free_name(self.traced, "refused")
            self.traced.add_submodule(made.target, Refused(layer.found, layer.supported, shape[1:]))
        self.orders[node] = Order(made, shape, order.axes)
        return True

    def _in_order(self, value: torch.Tensor, order: Order, before: torch.fx.Node) -> torch.fx.Node:
        """A constant as it stands beside `order.inner`."""
        whole = value.reshape((1,) * (len(order.axes) - value.ndim) + tuple(value.shape))
        return put_constant(self.traced, whole.permute(_inverse(order.axes)).contiguous(), before)

    def _gate(self, node: torch.fx.Node, order: Order) -> None:
        """A map times its gate, whose one pixel is in order anyway."""
        layer: Any = self.traced.get_submodule(str(node.target))
        name = free_name(self.traced, "layer")
        self.traced.add_submodule(name, Gating(order.axes[layer.axis]))
        with self.traced.graph.inserting_before(node):
            made = self.traced.graph.call_module(name, (order.inner, node.args[1]))
        made.meta = {**node.meta, PATH: path_of(node), "shape": order.shape}
        self.orders[node] = Order(made, order.shape, order.axes)

    def _mean(self, node: torch.fx.Node, order: Order) -> None:
        given = dict(zip(("input", "dim", "keepdim"), node.args, strict=False)) | dict(node.kwargs)
        dims, keep = given.get("dim"), bool(given.get("keepdim", False))
        if not isinstance(dims, int | tuple | list):
            self._refuse(node, "a mean over all axes")
            return
        rank = len(order.axes)
        own = [order.axes[it % rank] for it in ((dims,) if isinstance(dims, int) else dims)]
        left = [it for it in order.axes if it not in own]
        after = tuple(1 if axis in own else size for axis, size in enumerate(order.shape))
        if not keep and left != sorted(left):
            self._refuse(node, f"a mean over {dims} of a tensor whose axes were permuted")
            return
        with self.traced.graph.inserting_before(node):
            made = self.traced.graph.call_function(torch.mean, (order.inner, sorted(own), keep))
        made.meta = {**node.meta, "shape": after if keep else shape_of(node)}
        if keep:
            self._settle(node, Order(made, after, order.axes))
        else:
            node.replace_all_uses_with(made)

    def _flatten(self, node: torch.fx.Node, order: Order) -> None:
        shape, flat = shape_of(node), (order.shape[0], prod(order.shape[1:]))
        if order.flat and shape == flat:
            self.orders[node] = order
        elif not order.flat and shape == order.shape and _straight(order):
            node.replace_all_uses_with(order.inner)
        elif not order.flat and shape == flat:
            with self.traced.graph.inserting_before(node):
                made = self.traced.graph.call_function(torch.flatten, (order.inner, 1))
            made.meta = dict(node.meta)
            self._settle(node, Order(made, order.shape, order.axes, flat=True))
        else:
            self._refuse(node, f"a reshape to {shape[1:]} of a tensor whose axes were permuted")

    def _linear(self, node: torch.fx.Node, order: Order) -> None:
        """Columns of the weights from the order of the value to that of the tensor."""
        layer: Any = self.traced.get_submodule(str(node.target))
        sizes = [order.shape[axis] for axis in order.axes]
        weight = layer.weight.detach().reshape(-1, *sizes[1:]).permute(_inverse(order.axes))
        made = changed(layer, weight=weight.reshape(len(weight), -1).contiguous())
        put_layer(self.traced, node, made, order.inner, path_of(node))

    def _positions(self, node: torch.fx.Node, order: Order) -> None:
        """A linear layer on channels that are last."""
        layer: Any = self.traced.get_submodule(str(node.target))
        rank = len(order.shape) - 2
        weight = layer.weight.detach()
        bias = None if layer.bias is None else layer.bias.detach()
        made = convolution(weight.reshape(*weight.shape, *(1,) * rank), bias, (1,) * rank, 0, 1, 1)
        shape = (order.shape[0], len(weight), *order.shape[2:])
        name = free_name(self.traced, "layer")
        self.traced.add_submodule(name, made)
        with self.traced.graph.inserting_before(node):
            found = self.traced.graph.call_module(name, (order.inner,))
        found.meta = {**node.meta, PATH: path_of(node), "shape": shape}
        self._settle(node, Order(found, shape, order.axes))


_ARITHMETIC = {"add", "sub", "mul", "truediv", "div", "iadd", "isub", "imul", "itruediv"}


def _straight(order: Order) -> bool:
    """Whether the values lie in order: axes of one element can stand anywhere."""
    left = [axis for axis in order.axes if order.shape[axis] != 1]
    return left == sorted(left)


def _inverse(axes: Sequence[int]) -> list[int]:
    return sorted(range(len(axes)), key=axes.__getitem__)


def _dims(node: torch.fx.Node) -> tuple[int, ...] | None:
    """Which axes of its source a permutation has, if a node is one."""
    source = source_of(node)
    if source is None:
        return None
    rank = len(shape_of(source))
    given: list[Any] = [*node.args[1:], *node.kwargs.values()]
    if node.target in (torch.permute, "permute"):
        found = given[0] if len(given) == 1 and isinstance(given[0], tuple | list) else given
        return tuple(it % rank for it in found) if rank and all(isinstance(it, int) for it in found) else None
    if node.target in (torch.transpose, "transpose", torch.swapaxes, "swapaxes") and rank and len(given) == 2:
        one, other = (it % rank for it in given)
        dims = list(range(rank))
        dims[one], dims[other] = dims[other], dims[one]
        return tuple(dims)
    return None
