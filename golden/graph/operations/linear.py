"""Fully connected: a convolution whose kernel covers its whole input map."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from golden.graph.operations.convolution import FloatConvolution, product_of
from golden.graph.operations.integers import Problem, Shape
from golden.graph.operations.operation import Operation
from golden.graph.operations.window import Window
from golden.numerics.late import nn
from golden.spec.memories import MAX_CHANNELS, MAX_TAPS


def _check_shapes(before: tuple[int, ...], _: tuple[int, ...]) -> Iterator[Problem]:
    if len(before) != 2:
        yield (
            f"Linear on a tensor of shape {before[1:]}",
            "Linear after Flatten, or where a permutation put the channels last",
        )


def _imported(module: Any, shape: Shape) -> FloatConvolution:
    return product_of(module, shape, Window(shape[1:]))


LINEAR = Operation(
    name="linear",
    called="Linear",
    says="a convolution whose kernel covers its whole input map",
    torch=lambda: (nn.Linear,),
    limits=(
        f"on (images, features), as after Flatten; a map of up to {MAX_TAPS} pixels before it, up to "
        f"{MAX_CHANNELS} channels there and outputs; on maps and sequences where a permutation put the "
        "channels last, a convolution of one position"
    ),
    cost="an instruction; an engine's cycle for each kept coefficient",
    convolution=_imported,
    check_shapes=_check_shapes,
)
