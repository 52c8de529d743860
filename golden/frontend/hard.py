"""Hard-sigmoid and hard-swish that are spelled out: relu6(x + 3) ÷ 6, and x times that."""

import torch
import torch.fx
from torch import nn

from golden.frontend.affine import affine_of
from golden.frontend.edit import path_of, put_layer, source_of, what_of
from golden.graph.operations.gate import GATE
from golden.graph.operations.registry import meaning
from golden.graph.operations.relu6 import RELU6

_NEAR = 1e-3
"""Of a sixth, which files hold with a few digits, and of 3."""


def settle_hard(traced: torch.fx.GraphModule) -> None:
    """Arithmetic that is a hard-sigmoid or hard-swish becomes the layer of that name."""
    for node in list(traced.graph.nodes):
        source = _hard_sigmoid(traced, node)
        if source is None:
            continue
        made = put_layer(traced, node, nn.Hardsigmoid(), source, path_of(node).removeprefix("node "))
        users = list(made.users)
        if len(users) == 1 and meaning(users[0].target) is GATE and set(users[0].args) == {made, source}:
            path = path_of(users[0]).removeprefix("node ")
            put_layer(traced, users[0], nn.Hardswish(), source, path)
    traced.graph.eliminate_dead_code()


def _hard_sigmoid(traced: torch.fx.GraphModule, node: torch.fx.Node) -> torch.fx.Node | None:
    """x, if a node is relu6(x + 3) ÷ 6 and nothing in between is used elsewhere."""
    sixth = affine_of(traced, node) if node.op != "call_module" else None
    if sixth is None or not _is(sixth.factor, 1 / 6) or not _is(sixth.offset, 0):
        return None
    limited = sixth.source
    if meaning(what_of(traced, limited)) is not RELU6 or len(limited.users) != 1:
        return None
    moved = source_of(limited)
    three = affine_of(traced, moved) if moved is not None and moved.op != "call_module" else None
    if moved is None or three is None or not _is(three.factor, 1) or not _is(three.offset, 3):
        return None
    return three.source if len(moved.users) == 1 else None


def _is(values: torch.Tensor, wanted: float) -> bool:
    return values.numel() == 1 and abs(float(values) - wanted) <= _NEAR * max(wanted, 1)
