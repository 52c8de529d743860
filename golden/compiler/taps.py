"""Tap tables: for each tile and kernel position, where the lanes find their pixels."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from golden.compiler.tiling import Tiling
from golden.compiler.unrolling import shared_positions
from golden.graph.network import Layer, refuse
from golden.graph.operations.uneven_pool import UnevenPool
from golden.spec.memories import Fold
from golden.spec.tensor import Tensor

Tap = tuple[int, int]
"""(mask, pixel) as in `golden.spec.memories.tap_record`."""


@dataclass(frozen=True)
class Position:
    """What a tap reads.

    Parameters
    ----------
    row, column: counted from the first pixel of the input for the map's first pixel.
    pixels: bool (height, width) of the map: for which of its pixels; None for all.
    """

    row: int
    column: int
    pixels: npt.NDArray[np.bool_] | None = None


def tap_positions(layer: Layer, fold: Fold, phases: tuple[int, int] = (1, 1)) -> list[Position]:
    """What each tap reads.

    COLUMN reads each kernel row once, at the output's own columns. Of an unrolled layer, what any of its
    phases looks at, as the first one sees it.
    """
    product, window = layer.product, layer.product.window
    if phases != (1, 1):
        return [Position(*it) for it in shared_positions(window, phases)]
    if fold == Fold.COLUMN:
        return [Position(row, 0) for row, _ in window.positions[:: window.kernel[1]]]
    if isinstance(product, UnevenPool):
        places = [product.factors == factor for factor in product.classes]
        return [Position(*it, pixels) for pixels in places for it in window.positions]
    return [Position(*it) for it in window.positions]


def tap_table(layer: Layer, positions: list[Position], source: Tensor, tiling: Tiling) -> list[Tap]:
    """The taps of all tiles, tile after tile; `positions`: of `tap_positions`.

    The source pixel of each lane is computed one by one; the rows of the machine can serve them
    only if they are neighbours in memory.

    Raises UnsupportedError if they are not.
    """
    table = [_tap(layer, source, tiling, position) for position in positions]
    return [column[tile] for tile in range(tiling.tiles) for column in table]


def _tap(layer: Layer, source: Tensor, tiling: Tiling, position: Position) -> list[Tap]:
    """(mask, pixel) of one kernel position for each tile."""
    high, wide = layer.product.window.enlarge
    height, width = source.shape[1] * high, source.shape[2] * wide
    (down, across), lanes = layer.product.window.stride, tiling.y.shape[1]
    row = tiling.y * down + position.row
    column = tiling.x * across + position.column
    mask = tiling.used & (row >= 0) & (row < height) & (column >= 0) & (column < width)
    if position.pixels is not None:
        last = np.array(position.pixels.shape) - 1
        mask &= position.pixels[np.minimum(tiling.y, last[0]), np.minimum(tiling.x, last[1])]
    taps = row_taps(source, mask, row // high, column // wide, lanes)
    if taps is None:
        raise refuse(
            layer,
            f"rows of its map and of its input (pitch {source.pitch}) that do not run side by side",
            "maps of one pitch",
        )
    return taps


def row_taps(
    source: Tensor, mask: np.ndarray, row: np.ndarray, column: np.ndarray, lanes: int
) -> list[Tap] | None:
    """Where the lanes of each tile find pixel (row, column) of the source; arrays (tiles, lanes).

    None if the lanes of a tile that the mask names do not find them side by side.
    """
    down, across = source.degree
    position = source.plane(row, column) * source.plane_words(lanes) * lanes
    position += (row // down) * source.pitch + column // across
    first = position - np.arange(lanes)
    taps = []
    for lane_mask, starts in zip(mask, first, strict=True):
        wanted = starts[lane_mask]
        if wanted.size and (wanted != wanted[0]).any():
            return None
        bits = sum(1 << int(lane) for lane in np.flatnonzero(lane_mask))
        taps.append((bits, int(wanted[0]) if wanted.size else 0))
    return taps
