"""Fully connected: a convolution whose kernel covers its whole input map."""

from collections.abc import Iterator

from torch import nn

from golden.graph.operations.operation import Operation, Problem
from golden.spec.memories import MAX_CHANNELS, MAX_TAPS


def _check_shapes(before: tuple[int, ...], _: tuple[int, ...]) -> Iterator[Problem]:
    if len(before) != 2:
        yield f"Linear on a tensor of shape {before[1:]}", "Linear after Flatten"


LINEAR = Operation(
    name="linear",
    called="Linear",
    says="a convolution whose kernel covers its whole input map",
    torch=(nn.Linear,),
    limits=(
        f"after Flatten; a map of up to {MAX_TAPS} pixels before it, up to {MAX_CHANNELS} channels there "
        "and outputs"
    ),
    cost="an instruction; a cycle for each kept coefficient",
    product=True,
    once=True,
    check_shapes=_check_shapes,
)
