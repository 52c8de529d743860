"""Tap tables of the passes of a layer that learns: batches are tall maps, borders are those of each image."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from golden.compiler.taps import Tap, row_taps
from golden.spec.tensor import Tensor

Int64 = npt.NDArray[np.int64]


def forward_taps(
    source: Tensor, target: Tensor, images: int, kernel: int, stride: int, lanes: int
) -> list[Tap]:
    """For each tile of the target and each kernel position: pixels that a convolution reads.

    Padding is ⌊kernel/2⌋.  Tensors of a batch hold the images one below the other.
    """
    pad = kernel // 2

    def row(place: Int64, offset: int) -> tuple[Int64, npt.NDArray[np.bool_]]:
        return place * stride + offset - pad, np.ones(place.shape, bool)

    return _table(source, target, images, kernel, lanes, row)


def error_taps(errors: Tensor, below: Tensor, images: int, kernel: int, stride: int, lanes: int) -> list[Tap]:
    """Likewise for the transposed convolution: errors of a layer's output that reach each pixel below."""
    pad = kernel // 2

    def row(place: Int64, offset: int) -> tuple[Int64, npt.NDArray[np.bool_]]:
        reached = place + pad - offset
        return reached // stride, reached % stride == 0

    return _table(errors, below, images, kernel, lanes, row)


Reach = Callable[[Int64, int], tuple[Int64, npt.NDArray[np.bool_]]]
"""Pixel of the target and kernel offset, along one axis → pixel of the source, and whether there is one."""


def _table(source: Tensor, target: Tensor, images: int, kernel: int, lanes: int, row: Reach) -> list[Tap]:
    degree, _ = target.degree
    plane_height, plane_width = target.plane_shape
    height, rows = target.shape[1] // images, source.shape[1] // images
    pixel = np.arange(plane_height * plane_width).reshape(-1, lanes)
    taps: list[Tap] = []
    for plane in range(degree**2):
        y = pixel // plane_width * degree + plane // degree
        x = pixel % plane_width * degree + plane % degree
        image, y = y // height, y % height
        columns = []
        for offset in range(kernel**2):
            (down, is_row), (right, is_column) = row(y, offset // kernel), row(x, offset % kernel)
            mask = is_row & is_column & (down >= 0) & (down < rows)
            mask &= (right >= 0) & (right < source.shape[2])
            found = row_taps(source, mask, image * rows + down, right, lanes)
            if found is None:
                raise AssertionError("maps of degrees that the strides do not ask for")
            columns.append(found)
        taps += [column[tile] for tile in range(len(pixel)) for column in columns]
    return taps
