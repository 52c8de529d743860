"""The head of a step: what it works on, and what its parts share."""

from dataclasses import dataclass
from math import lcm

from golden.device.assembly import Assembly
from golden.device.data import DataPlan
from golden.learning.network import Network
from golden.spec.config import Config
from golden.spec.controller import WALK_FIELD_BITS, WALK_LANE_BITS
from golden.spec.errors import CapacityError
from golden.spec.tensor import Tensor


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


def set_walk(it: Assembly, head: Head, image: int, away: int, channels: int) -> int:
    """WALK over so many channels of an image among those that fill words together.

    away: from the last map to what is written.

    Returns the first of these words that it has a part of. Raises CapacityError for more pixels than
    the instruction can count.
    """
    word, first = divmod(image * head.pixels, head.config.lanes)
    last = first + head.pixels - 1
    if last >= 1 << WALK_LANE_BITS:
        most = 1 << WALK_LANE_BITS
        raise CapacityError(
            f"head: an image of the last map has {head.pixels} pixels; legal here: up to "
            f"{most - head.config.lanes}, or {most}, which ends with a word"
        )
    step = head.last.stride - last // head.config.lanes
    with it.registers(3) as (elements, lanes, places):
        it.constant(elements, pair(head.plan.by_feature, channels))
        it.constant(lanes, pair(last, first))
        it.constant(places, pair(away, step))
        it.walk(elements, lanes, places)
    return word


def pair(upper: int, lower: int) -> int:
    """Two numbers of an operand of WALK."""
    return (upper << WALK_FIELD_BITS) + (lower & (1 << WALK_FIELD_BITS) - 1)
