"""Small changes of a traced network: constants, layers in the place of functions, names that users know."""

from typing import Any

import torch
import torch.fx
from torch import nn

from golden.frontend.modules import name_of

PATH = "lightdeal_path"
"""Key of a node's meta: how errors and layers name it, where that is not its target."""

SAID = "lightdeal_said"
"""Key of a node's meta: what the user's file calls the operation."""

GRID = "lightdeal_grid"
"""Key of a node's meta: exponent of the steps to which the user's file rounds the value."""


def path_of(node: torch.fx.Node) -> str:
    """Dotted path of a layer, the name of a file's node, or the name of a function's node."""
    named = node.meta.get(PATH)
    return str(named or (node.target if node.op == "call_module" else f"node {node.name}"))


def what_of(traced: torch.fx.GraphModule, node: torch.fx.Node) -> Any:
    """Class of a module, a function, or the name of a method."""
    return type(traced.get_submodule(str(node.target))) if node.op == "call_module" else node.target


def said_of(traced: torch.fx.GraphModule, node: torch.fx.Node) -> str:
    """What a node is, as its user knows it."""
    return str(node.meta.get(SAID) or name_of(what_of(traced, node)))


def shape_of(node: torch.fx.Node) -> tuple[int, ...]:
    """Shape of a node's tensor for two images, () where it is not known or is none."""
    return tuple(node.meta.get("shape", ()))


def source_of(node: torch.fx.Node) -> torch.fx.Node | None:
    """The value that a node takes first."""
    source = node.args[0] if node.args else node.kwargs.get("input")
    return source if isinstance(source, torch.fx.Node) else None


def constant_of(traced: torch.fx.GraphModule, value: Any) -> torch.Tensor | None:
    """The tensor that a node stands for whatever the images are, if it does."""
    if not isinstance(value, torch.fx.Node) or value.op != "get_attr":
        return None
    holder, _, name = str(value.target).rpartition(".")
    found = getattr(traced.get_submodule(holder), name, None)
    return found.detach() if isinstance(found, torch.Tensor) else None


def free_name(traced: nn.Module, wanted: str) -> str:
    """`wanted`, or with a number behind it where that name is taken at the top of the network."""
    name, count = wanted, 2
    while hasattr(traced, name):
        name, count = f"{wanted}_{count}", count + 1
    return name


def put_constant(traced: torch.fx.GraphModule, value: torch.Tensor, before: torch.fx.Node) -> torch.fx.Node:
    """A new node of a constant, in front of another."""
    name = free_name(traced, "constant")
    traced.register_buffer(name, value)
    with traced.graph.inserting_before(before):
        return traced.graph.get_attr(name)


def put_layer(
    traced: torch.fx.GraphModule, node: torch.fx.Node, layer: nn.Module, source: torch.fx.Node, path: str
) -> torch.fx.Node:
    """A layer on `source` in the place of a node, known as `path`."""
    name = free_name(traced, "layer")
    traced.add_submodule(name, layer)
    with traced.graph.inserting_before(node):
        made = traced.graph.call_module(name, (source,))
    made.meta = {**node.meta, PATH: path}
    node.replace_all_uses_with(made)
    traced.graph.erase_node(node)
    return made


def changed(layer: nn.Module, **parameters: torch.Tensor | None) -> Any:
    """A layer like another, with other parameters; the other one stays as it was."""
    made = type(layer).__new__(type(layer))
    made.__dict__ = dict(layer.__dict__)
    made._parameters = {
        **layer._parameters,
        **{name: None if it is None else nn.Parameter(it) for name, it in parameters.items()},
    }
    return made
