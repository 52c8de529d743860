"""Arithmetic with sizes: shapes that a network asks for become numbers."""

from collections.abc import Callable
from typing import Any

import torch
import torch.fx

from golden.frontend.edit import PATH, path_of, shape_of, source_of, what_of
from golden.graph.operations.flatten import FLATTEN
from golden.graph.operations.registry import meaning

_RESHAPES = ("view", "reshape", torch.reshape)
_DROPS = ("squeeze", torch.squeeze, "unsqueeze", torch.unsqueeze)


def settle_sizes(traced: torch.fx.GraphModule, is_size: Callable[[torch.fx.Node], bool], images: int) -> None:
    """Puts numbers in the place of calculated sizes.

    Parameters
    ----------
    images: how many the shapes were noted for. A reshape that keeps them apart works for any number.
    """
    for node in traced.graph.nodes:
        source, shape = source_of(node), shape_of(node)
        if is_size(node) or source is None or not shape:
            continue
        if node.target in _RESHAPES:
            if shape[0] == images and shape_of(source)[:1] == (images,):
                rest = shape[1:]
                node.args = (source, (-1, *rest)) if node.target is torch.reshape else (source, -1, *rest)
                node.kwargs = {}
            continue
        node.args, node.kwargs = torch.fx.node.map_arg((node.args, node.kwargs), _number)


def merge_reshapes(traced: torch.fx.GraphModule, images: int) -> None:
    """Makes one reshape of several in a row, which keep the images apart, and of one that drops axes.

    `images` as in `settle_sizes`.
    """
    for node in list(traced.graph.nodes):
        source, shape = source_of(node), shape_of(node)
        if source is None or not _keeps(traced, node, images):
            continue
        first = source
        while _keeps(traced, first, images) and (before := source_of(first)) is not None:
            first = before
        if first is source and what_of(traced, node) not in _DROPS:
            continue
        if shape == shape_of(first):
            node.replace_all_uses_with(first)
            continue
        with traced.graph.inserting_before(node):
            made = (
                traced.graph.call_function(torch.flatten, (first, 1))
                if len(shape) == 2
                else traced.graph.call_function(torch.reshape, (first, (-1, *shape[1:])))
            )
        made.meta = {**node.meta, PATH: path_of(node)}
        node.replace_all_uses_with(made)


def _keeps(traced: torch.fx.GraphModule, node: torch.fx.Node, images: int) -> bool:
    """Whether a node counts its values otherwise, and keeps the images apart."""
    if node.op in ("output", "placeholder", "get_attr"):
        return False
    source = source_of(node)
    operation = meaning(what := what_of(traced, node))
    flat = what in _DROPS or what in _RESHAPES or operation is FLATTEN
    return flat and source is not None and shape_of(node)[:1] == shape_of(source)[:1] == (images,)


def _number(node: torch.fx.Node) -> Any:
    """The number that a node is, or the node itself."""
    found = node.meta.get("number")
    return node if found is None else found
