"""A map times its gate: products of two values become layers of the project's own."""

import operator
from math import prod

import torch
import torch.fx

from golden.frontend.edit import PATH, constant_of, free_name, path_of, shape_of, source_of
from golden.frontend.padding import Refuse
from golden.graph.operations.gate import GATE
from golden.graph.operations.gating import Gating
from golden.graph.operations.registry import meaning

_WANTED = "a map times a tensor of one pixel for each of its channels, (images, channels, 1, 1)"


_GIVES_AXES = (operator.getitem, "view", "reshape", torch.reshape, "unsqueeze", torch.unsqueeze)


def settle_gates(traced: torch.fx.GraphModule, refuse: Refuse) -> None:
    """Products of two values of the network become gates; their factors lose the axes that they were given.

    refuse: notes a product of other shapes.
    """
    for node in list(traced.graph.nodes):
        if node.op not in ("call_function", "call_method") or meaning(node.target) is not GATE:
            continue
        values = list(node.args)
        if len(values) != 2 or not all(
            isinstance(it, torch.fx.Node) and constant_of(traced, it) is None and shape_of(it)
            for it in values
        ):
            continue  # arithmetic with constants
        one, other = (it for it in values if isinstance(it, torch.fx.Node))
        found = _gated(one, other) or _gated(other, one)
        if found is None:
            refuse(node, f"the product of shapes {shape_of(one)[1:]} and {shape_of(other)[1:]}", _WANTED)
            continue
        source, gate, axis = found
        _put(traced, node, source, gate, axis)


def _gated(source: torch.fx.Node, gate: torch.fx.Node) -> tuple[torch.fx.Node, torch.fx.Node, int] | None:
    """(map, factors, axis of the channels) if the second value has a factor for each channel of the first."""
    whole, own = shape_of(source), shape_of(gate)
    if len(whole) < 3 or len(own) != len(whole) or own[0] != whole[0]:
        return None
    for axis in (1, len(whole) - 1):
        if own[axis] == whole[axis] == prod(own[1:]):
            return source, gate, axis
    return None


def _same(before: torch.fx.Node, after: torch.fx.Node) -> bool:
    """Whether two values hold the same factors, axes of one element apart."""
    sizes = [[it for it in shape_of(node) if it != 1] for node in (before, after)]
    return bool(sizes[0]) and sizes[0] == sizes[1] and shape_of(before)[0] == shape_of(after)[0]


def _put(
    traced: torch.fx.GraphModule, node: torch.fx.Node, source: torch.fx.Node, gate: torch.fx.Node, axis: int
) -> None:
    name = free_name(traced, "layer")
    traced.add_submodule(name, Gating(axis))
    # The axes that features were given to stand beside the map fall away.
    while (before := source_of(gate)) is not None and gate.target in _GIVES_AXES and _same(before, gate):
        gate = before
    with traced.graph.inserting_before(node):
        if len(shape_of(gate)) > 2:
            shape = (shape_of(gate)[0], prod(shape_of(gate)[1:]))
            flat = traced.graph.call_function(torch.flatten, (gate, 1))
            flat.meta = {**gate.meta, PATH: path_of(gate), "shape": shape}
            gate = flat
        made = traced.graph.call_module(name, (source, gate))
    made.meta = {**node.meta, PATH: path_of(node).removeprefix("node ")}
    node.replace_all_uses_with(made)
    traced.graph.erase_node(node)
