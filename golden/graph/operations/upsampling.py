"""Nearest upsampling: each pixel several times, which is another way to read a map; copied as it is read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from golden.graph.operations.convolution import FloatConvolution
from golden.graph.operations.integers import Problem, Shape
from golden.graph.operations.operation import Operation
from golden.graph.operations.window import MAX_STRIDE, Window
from golden.numerics.late import nn, torch


def _check(module: Any) -> Iterator[Problem]:
    if module.mode != "nearest" or module.recompute_scale_factor:
        yield f"Upsample with mode = {module.mode!r}", "mode = 'nearest'"


def _check_shapes(before: tuple[int, ...], after: tuple[int, ...]) -> Iterator[Problem]:
    whole = len(before) == len(after) == 4 and all(
        not new % old and new // old <= MAX_STRIDE for old, new in zip(before[2:], after[2:], strict=True)
    )
    if after and not whole:
        yield f"upsampling from {before[2:]} to {after[2:]}", f"whole factors, up to {MAX_STRIDE}"


def _imported(module: Any, shape: Shape) -> FloatConvolution:
    """A convolution of one position, one coefficient for each channel."""
    sizes = nn.functional.interpolate(torch.zeros(1, 1, *shape[1:]), module.size, module.scale_factor).shape
    enlarge = (sizes[2] // shape[1], sizes[3] // shape[2])
    return FloatConvolution(
        torch.ones(shape[0], 1, 1, 1), torch.zeros(shape[0]), Window((1, 1), enlarge=enlarge), shape[0]
    )


UPSAMPLING = Operation(
    name="upsampling",
    called="Upsample (nearest)",
    says="each pixel several times: a convolution of one position that reads its map so",
    torch=lambda: (nn.Upsample, nn.UpsamplingNearest2d),
    limits=f"nearest pixels, whole factors up to {MAX_STRIDE} in each direction",
    cost="an instruction; a cycle for each channel and word of pixels",
    convolution=_imported,
    check=_check,
    check_shapes=_check_shapes,
)
