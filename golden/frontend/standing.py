"""What no convolution, pooling or linear layer comes before gets one of its own, which gives what it takes.

So a batch norm or ReLU before a convolution, behind a concatenation, or of a value that others read too, and
an addition of any two tensors, are layers like others: a pass over the map.
"""

import torch
import torch.fx

from golden.frontend.edit import PATH, free_name, path_of, shape_of
from golden.frontend.layers import convolution


def stand(traced: torch.fx.GraphModule, node: torch.fx.Node, source: torch.fx.Node) -> None:
    """A depthwise convolution of one position between `source` and `node`; it has the path of `node`."""
    channels = shape_of(source)[1]
    name = free_name(traced, "layer")
    traced.add_submodule(name, convolution(torch.ones(channels, 1, 1, 1), None, 1, 0, 1, channels))
    with traced.graph.inserting_before(node):
        made = traced.graph.call_module(name, (source,))
    made.meta = {**source.meta, PATH: path_of(node).removeprefix("node ")}
    node.replace_input_with(source, made)


def can_stand(source: torch.fx.Node) -> bool:
    """Whether a value is a map."""
    return len(shape_of(source)) == 4
