"""Which random bits belong to which value: docs/learning.md, section 3."""

import numpy as np
import numpy.typing as npt

from golden.numerics.lfsr import RandomWords
from golden.spec.learning import LANES, LFSR_WORD, UPDATE_RANDOM_BITS


def tile_bytes(
    words: RandomWords, channels: int, images: int, pixels: int, round_filters: int
) -> npt.NDArray[np.uint8]:
    """A byte for each value of a map, (channels, images, pixels), in the order in which the array drains.

    Rounds of `round_filters` channels; in a round the images and their tiles of LANES pixels; for a tile
    the channels of the round, one word each. Lanes beyond the last pixel have bytes that nobody reads.
    """
    tiles = -(-pixels // LANES)
    taken = words.take(channels * images * tiles)
    result = np.empty((channels, images, tiles), np.uint64)
    for first in range(0, channels, round_filters):
        last = min(first + round_filters, channels)
        part = taken[first * images * tiles : last * images * tiles]
        result[first:last] = part.reshape(images, tiles, last - first).transpose(2, 0, 1)
    # Lane 0 in the lowest byte, whatever the order of bytes of this computer.
    bytes_ = result.astype("<u8", copy=False).view(np.uint8)
    return np.asarray(bytes_[:, :, :pixels])


def update_numbers(words: RandomWords, count: int) -> npt.NDArray[np.int64]:
    """UPDATE_RANDOM_BITS bits for each of `count` values, int64 (count,)."""
    share = LFSR_WORD // UPDATE_RANDOM_BITS
    taken = words.take(-(-count // share))
    return taken.astype("<u8", copy=False).view("<u2")[:count].astype(np.int64)


def walk_order(mask: npt.NDArray[np.bool_], round_filters: int) -> npt.NDArray[np.int64]:
    """Places (flat) of the kept codes of a mask (filters, …) in the order in which their rows go by.

    Rounds of `round_filters` filters; in a round the positions (channel, kernel row, column); for a
    position the filters of the round.
    """
    flat = mask.reshape(len(mask), -1)
    parts = []
    for first in range(0, len(flat), round_filters):
        places, filters = np.nonzero(flat[first : first + round_filters].T)
        parts.append((filters + first) * flat.shape[1] + places)
    return np.concatenate(parts)
