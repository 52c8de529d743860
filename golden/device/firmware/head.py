"""The head of a step: what it works on, and what its parts share."""

from dataclasses import dataclass
from math import lcm

from golden.device.assembly import ZERO, Assembly, Register
from golden.device.data import DataPlan
from golden.learning.network import Network
from golden.spec.config import Config
from golden.spec.tensor import Tensor

UNROLLED = 8
"""Values that a loop over most of the work has in one turn, about."""


@dataclass(frozen=True)
class Head:
    """What the head works on.

    Parameters
    ----------
    last: the last map.  errors: its error, of the same shape, where it is wanted.
    """

    network: Network
    images: int
    config: Config
    plan: DataPlan
    last: Tensor
    errors: Tensor | None

    @property
    def pixels(self) -> int:
        """Of an image of the last map."""
        _, height, width = self.network.shape(len(self.network.layers))
        return height * width

    @property
    def together(self) -> int:
        """Images that fill whole words together: the batch is a multiple (`Network.check_batch`)."""
        return lcm(self.pixels, self.config.lanes) // self.pixels

    @property
    def words(self) -> int:
        """Words that they fill."""
        return self.together * self.pixels // self.config.lanes

    def parts(self, image: int) -> list[tuple[int, int, int]]:
        """(word, first lane, end lane) of what one of them has in each word."""
        lanes, found = self.config.lanes, []
        at, end = image * self.pixels, (image + 1) * self.pixels
        while at < end:
            word, lane = divmod(at, lanes)
            upto = min(lanes, lane + end - at)
            found.append((word, lane, upto))
            at += upto - lane
        return found


def largest_part(number: int, most: int) -> int:
    """The largest number up to `most` that divides another, at least 1."""
    return next(part for part in range(max(1, most), 0, -1) if number % part == 0)


def lane_register(it: Assembly, register: Register, lane: int) -> Register:
    if lane == 0:
        return ZERO
    it.add(register, ZERO, lane)
    return register
