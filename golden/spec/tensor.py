"""Where an activation tensor lies in the feature memory."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Tensor:
    """Where an int8 tensor lies in the activation memory.

    A map is split into phase planes, so that a later stride reads neighbours: of degree (dy, dx), plane
    (y mod dy)·dx + (x mod dx) holds pixel (y div dy, x div dx). With `phases` (py, px), the planes of one
    phase (y mod py, x mod px) lie together, in that order, and the phases in order of columns, then rows.
    Planes start at word boundaries; inside a plane, pixel (y, x) is number n = y·pitch + x and lies in word
    n div lanes, lane n mod lanes. Pixels of a plane beyond the map, where the degree does not divide the
    size, and those between its width and the pitch hold no data: what is written there nobody reads.

    Parameters
    ----------
    shape: (channels, height, width).
    degree: phase degree of rows and of columns, at least 1.
    pitch: pixels from one row of a plane to the next, at least the plane's width.
    address: first word of channel 0.
    stride: words from one channel to the next.
    scale: real value of one step.
    phases: of rows and of columns; each divides the degree.
    """

    name: str
    shape: tuple[int, int, int]
    degree: tuple[int, int]
    pitch: int
    address: int
    stride: int
    scale: float
    phases: tuple[int, int] = (1, 1)

    @property
    def plane_shape(self) -> tuple[int, int]:
        """(height, width) of one phase plane."""
        return plane_shape(self.shape, self.degree)

    @property
    def planes(self) -> int:
        """Phase planes of a channel."""
        return self.degree[0] * self.degree[1]

    @property
    def plane_pixels(self) -> int:
        """Pixels from the first to behind the last one of a plane."""
        height, width = self.plane_shape
        return (height - 1) * self.pitch + width

    def plane_words(self, lanes: int) -> int:
        """Words of one phase plane of one channel."""
        return -(-self.plane_pixels // lanes)

    def words(self, lanes: int) -> int:
        """Words of one channel."""
        return self.planes * self.plane_words(lanes)

    def plane(self, y: Any, x: Any) -> Any:
        """Number of the plane of a pixel, an int; of arrays of pixels an array."""
        (down, across), (rows, columns) = self.degree, self.phases
        y, x = y % down, x % across
        phase = x % columns * rows + y % rows
        return phase * (self.planes // (rows * columns)) + y // rows * (across // columns) + x // columns

    def position(self, channel: int, y: int, x: int, lanes: int) -> tuple[int, int]:
        """(word address, lane) of a pixel."""
        down, across = self.degree
        pixel = (y // down) * self.pitch + x // across
        word = self.plane(y, x) * self.plane_words(lanes) + pixel // lanes
        return self.address + channel * self.stride + word, pixel % lanes


def plane_shape(shape: tuple[int, int, int], degree: tuple[int, int]) -> tuple[int, int]:
    """(height, width) of one phase plane of a tensor."""
    _, height, width = shape
    return -(-height // degree[0]), -(-width // degree[1])
