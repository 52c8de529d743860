"""Concatenation along the channels: only a place, as its operands are written side by side."""

from __future__ import annotations

from golden.graph.operations.operation import Operation
from golden.numerics.late import torch

CONCATENATION = Operation(
    name="concatenation",
    called="the concatenation of channels",
    says="the operands are written side by side, on one scale",
    torch=lambda: (torch.cat, torch.concat, torch.concatenate),
    limits=(
        "along the channels, maps of one size; all ways to them have the same product of strides; the "
        "images, an operand that is joined a second time beside others, and one whose steps no shift gives "
        "(a mean, ReLU6 beside others) are copied first"
    ),
    cost="nothing; the layer behind it waits for its operands; a copy an instruction, a cycle for each "
    "channel and word of pixels",
    concatenates=True,
)
