"""What is nothing when a network runs: dropout, identity, the order of memory."""

from __future__ import annotations

from golden.graph.operations.operation import Operation
from golden.numerics.late import nn

NOTHING = Operation(
    name="dropout and identity",
    called="Dropout and Identity",
    says="nothing in eval mode",
    torch=lambda: (nn.functional.dropout, nn.Dropout, nn.Dropout2d, nn.Identity, "contiguous"),
    limits="anywhere",
    cost="nothing",
    anywhere=True,
)
