"""Where an activation tensor lies in the feature memory."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Tensor:
    """Where an int8 tensor lies in the activation memory.

    A map is split into degree² phase planes: plane (y mod degree)·degree + (x mod degree) holds
    pixel (y div degree, x div degree), so that a later stride of `degree` reads neighbours.
    Planes start at word boundaries; inside a plane, pixel n lies in word n div lanes, lane n mod
    lanes. Pixels of a plane beyond the map, where degree does not divide the size, hold no data.

    Parameters
    ----------
    shape: (channels, height, width).
    degree: phase degree, at least 1.
    address: first word of channel 0.
    stride: words from one channel to the next.
    scale: real value of one step.
    """

    name: str
    shape: tuple[int, int, int]
    degree: int
    address: int
    stride: int
    scale: float

    @property
    def plane_shape(self) -> tuple[int, int]:
        """(height, width) of one phase plane."""
        _, height, width = self.shape
        return -(-height // self.degree), -(-width // self.degree)

    def plane_words(self, lanes: int) -> int:
        """Words of one phase plane of one channel."""
        height, width = self.plane_shape
        return -(-height * width // lanes)

    def words(self, lanes: int) -> int:
        """Words of one channel."""
        return self.degree**2 * self.plane_words(lanes)

    def position(self, channel: int, y: int, x: int, lanes: int) -> tuple[int, int]:
        """(word address, lane) of a pixel."""
        plane = (y % self.degree) * self.degree + x % self.degree
        pixel = (y // self.degree) * self.plane_shape[1] + x // self.degree
        word = plane * self.plane_words(lanes) + pixel // lanes
        return self.address + channel * self.stride + word, pixel % lanes
