"""Arithmetic with sizes: shapes that a network asks for become numbers."""

from collections.abc import Callable
from typing import Any

import torch
import torch.fx

from golden.frontend.edit import shape_of, source_of

_RESHAPES = ("view", "reshape", torch.reshape)


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


def _number(node: torch.fx.Node) -> Any:
    """The number that a node is, or the node itself."""
    found = node.meta.get("number")
    return node if found is None else found
