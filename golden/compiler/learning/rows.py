"""Tap tables of the passes of a layer that learns: batches are tall maps, borders are those of each image."""

import numpy as np

from golden.compiler.taps import Tap, row_taps
from golden.spec.program import Tensor


def forward_taps(
    source: Tensor, target: Tensor, images: int, kernel: int, stride: int, lanes: int
) -> list[Tap]:
    """For each tile of the target and each kernel position: pixels that a convolution reads.

    Padding is ⌊kernel/2⌋.  Tensors of a batch hold the images one below the other.
    """
    pad = kernel // 2

    def row(place: np.ndarray, offset: int) -> tuple[np.ndarray, np.ndarray]:
        return place * stride + offset - pad, np.ones(place.shape, bool)

    return _table(source, target, images, kernel, lanes, row)


def error_taps(errors: Tensor, below: Tensor, images: int, kernel: int, stride: int, lanes: int) -> list[Tap]:
    """Likewise for the transposed convolution: errors of a layer's output that reach each pixel below."""
    pad = kernel // 2

    def row(place: np.ndarray, offset: int) -> tuple[np.ndarray, np.ndarray]:
        reached = place + pad - offset
        return reached // stride, reached % stride == 0

    return _table(errors, below, images, kernel, lanes, row)


def _table(source, target, images, kernel, lanes, row) -> list[Tap]:  # type: ignore[no-untyped-def]
    """`row`: pixel of the target, kernel offset → pixel of the source, and whether there is one."""
    degree = target.degree
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
