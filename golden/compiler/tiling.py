"""Which pixel of a layer's map each lane of each tile computes."""

from dataclasses import dataclass
from math import gcd

import numpy as np
import numpy.typing as npt

from golden.spec.tensor import Tensor, plane_shape

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Tiling:
    """The tiles of a map.

    Parameters
    ----------
    y, x: int64 (tiles, lanes), the pixel of each lane.
    used: bool, likewise, whether there is one.
    plane_tiles, last_lanes: as in the back word: of every `plane_tiles` tiles, the last one counts
        `last_lanes` lanes only.
    """

    y: Int64
    x: Int64
    used: npt.NDArray[np.bool_]
    plane_tiles: int
    last_lanes: int

    @property
    def tiles(self) -> int:
        """How many."""
        return len(self.y)

    @property
    def gapless(self) -> bool:
        """Every lane that the back word lets pass has a pixel."""
        tile = np.arange(self.tiles)[:, None] % self.plane_tiles
        passed = (tile < self.plane_tiles - 1) | (np.arange(self.y.shape[1]) < self.last_lanes)
        return bool((self.used == passed).all())


def word_tiles(tensor: Tensor, lanes: int) -> Tiling:
    """Tile t is word t of the first phase of a channel of the tensor; without phases, of the channel."""
    _, height, width = tensor.shape
    down, across = tensor.degree
    rows, columns = tensor.phases
    words = tensor.plane_words(lanes)
    places = np.arange(tensor.planes // (rows * columns) * words * lanes).reshape(-1, lanes)
    plane, pixel = np.divmod(places, words * lanes)
    row, column = np.divmod(pixel, tensor.pitch)
    y = row * down + plane // (across // columns) * rows
    x = column * across + plane % (across // columns) * columns
    used = (pixel < tensor.plane_pixels) & (column < tensor.plane_shape[1]) & (y < height) & (x < width)
    return Tiling(y, x, used, words, tensor.plane_pixels - (words - 1) * lanes)


def row_tiles(shape: tuple[int, int, int], degree: tuple[int, int], lanes: int) -> Tiling:
    """Tiles of a map that lies nowhere, as its pixels are summed up: each takes neighbours of one row."""
    _, height, width = shape
    _, across = degree
    _, most = plane_shape(shape, degree)
    lengths = {len(range(first, width, across)) for first in range(min(across, width))}
    size = gcd(*lengths)
    if len(lengths) == 1 and most > lanes:
        # Rows of whole words and a rest, as planes are.
        size = lanes
    else:
        size = next(it for it in range(min(size, lanes), 0, -1) if size % it == 0)
    starts = [
        (y, x)
        for first in range(min(across, width))
        for y in range(height)
        for x in range(first, width, across * size)
    ]
    y = np.array([row for row, _ in starts])[:, None] + np.zeros(lanes, np.int64)
    x = np.array([column for _, column in starts])[:, None] + np.arange(lanes) * across
    plane_tiles = -(-most // size) if len(lengths) == 1 else 1
    last = most - (plane_tiles - 1) * size if len(lengths) == 1 else size
    used = (x < width) & (np.arange(lanes) < size)
    return Tiling(y, x, used, plane_tiles, last)
