"""What is nothing when a network runs: dropout, identity, the order of memory."""

from torch import nn

from golden.graph.operations.operation import Operation

NOTHING = Operation(
    name="dropout and identity",
    called="Dropout and Identity",
    says="nothing in eval mode",
    torch=(nn.functional.dropout, nn.Dropout, nn.Dropout2d, nn.Identity, "contiguous"),
    limits="anywhere",
    cost="nothing",
    anywhere=True,
)
