"""Tap tables: for each tile and kernel position, where the lanes find their pixels."""

import numpy as np

from golden.graph.network import Layer, refuse
from golden.spec.memories import Fold
from golden.spec.tensor import Tensor

Tap = tuple[int, int]
"""(mask, pixel) as in `golden.spec.memories.tap_record`."""


def tap_positions(layer: Layer, fold: Fold) -> list[tuple[int, int]]:
    """(row, column) offsets of each tap from the output pixel's corner of the padded input.

    COLUMN reads each kernel row once, at the output's own columns.
    """
    height, width = layer.product.kernel
    if fold == Fold.COLUMN:
        return [(r, layer.product.padding) for r in range(height)]
    return [(r, q) for r in range(height) for q in range(width)]


def tap_table(layer: Layer, fold: Fold, source: Tensor, target: Tensor, lanes: int) -> list[Tap]:
    """The taps of all tiles, tile after tile.

    The source pixel of each lane is computed one by one; the rows of the machine can serve them
    only if they are neighbours in memory.

    Raises UnsupportedError if they are not.
    """
    degree = target.degree
    plane_height, plane_width = target.plane_shape
    plane_words = target.plane_words(lanes)
    pixel = np.arange(plane_words * lanes).reshape(plane_words, lanes)
    inside = pixel < plane_height * plane_width
    _, height, width = target.shape
    taps = []
    for plane in range(degree**2):
        y = pixel // plane_width * degree + plane // degree
        x = pixel % plane_width * degree + plane % degree
        used = inside & (y < height) & (x < width)
        table = [_tap(layer, source, used, y, x, offset, lanes) for offset in tap_positions(layer, fold)]
        taps += [column[tile] for tile in range(plane_words) for column in table]
    return taps


def _tap(
    layer: Layer,
    source: Tensor,
    used: np.ndarray,
    y: np.ndarray,
    x: np.ndarray,
    offset: tuple[int, int],
    lanes: int,
) -> list[Tap]:
    """(mask, pixel) of one kernel position for each tile of one plane; arrays (tiles, lanes)."""
    _, height, width = source.shape
    row = y * layer.product.stride + offset[0] - layer.product.padding
    column = x * layer.product.stride + offset[1] - layer.product.padding
    mask = used & (row >= 0) & (row < height) & (column >= 0) & (column < width)
    taps = row_taps(source, mask, row, column, lanes)
    if taps is None:
        raise refuse(
            layer,
            f"rows of the output map (plane width {_plane_width(x, used)}) and of its input "
            f"(plane width {source.plane_shape[1]}) that do not run side by side",
            "paddings that keep the width (padding = kernel div 2 for odd kernels), "
            "or a kernel that covers the whole map",
        )
    return taps


def row_taps(
    source: Tensor, mask: np.ndarray, row: np.ndarray, column: np.ndarray, lanes: int
) -> list[Tap] | None:
    """Where the lanes of each tile find pixel (row, column) of the source; arrays (tiles, lanes).

    None if the lanes of a tile that the mask names do not find them side by side.
    """
    plane = (row % source.degree) * source.degree + column % source.degree
    position = plane * source.plane_words(lanes) * lanes
    position += (row // source.degree) * source.plane_shape[1] + column // source.degree
    first = position - np.arange(lanes)
    taps = []
    for lane_mask, starts in zip(mask, first, strict=True):
        wanted = starts[lane_mask]
        if wanted.size and (wanted != wanted[0]).any():
            return None
        bits = sum(1 << int(lane) for lane in np.flatnonzero(lane_mask))
        taps.append((bits, int(wanted[0]) if wanted.size else 0))
    return taps


def _plane_width(x: np.ndarray, used: np.ndarray) -> int:
    return len(np.unique(x[used]))
