"""Which random bits belong to which value: docs/learning.md, section 3."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from golden.numerics.lfsr import RandomWords
from golden.spec.learning import LFSR_WORD, UPDATE_RANDOM_BITS, ArrayShape, Generator, Lfsr

Int64 = npt.NDArray[np.int64]

_SHARE = LFSR_WORD // UPDATE_RANDOM_BITS
"""Numbers of the update in a word."""


class Generators:
    """The five generators of a training; `states` is where they stand."""

    def __init__(self, states: tuple[Lfsr, ...]) -> None:
        self._words = [RandomWords(state) for state in states]

    def __getitem__(self, generator: Generator) -> RandomWords:
        return self._words[generator]

    @property
    def states(self) -> tuple[Lfsr, ...]:
        """One state a generator, in the order of `Generator`."""
        return tuple(words.state for words in self._words)

    def scalars(self, count: int, bits: int) -> Int64:
        """The lowest `bits` of the next `count` words of SCALARS, int64 (count,)."""
        taken = self[Generator.SCALARS].take(count) & np.uint64((1 << bits) - 1)
        return taken.astype(np.int64)


def map_bytes(words: RandomWords, shape: torch.Size, array: ArrayShape, together: int) -> torch.Tensor:
    """A byte for each value of a map, float32 of `shape` (channels, values).

    For each round of `together` channels; for each word (`lanes` values) of a channel; for each channel
    of the round: the words of `ArrayShape.random_words`.
    """
    channels, values = shape
    places, each = values // array.lanes, array.random_words
    taken = words.take(channels * places * each)
    result = np.empty((channels, places, each), np.uint64)
    size = places * each
    for first in range(0, channels, together):
        last = min(first + together, channels)
        part = taken[first * size : last * size].reshape(places, last - first, each)
        result[first:last] = part.transpose(1, 0, 2)
    # Lane 0 in the lowest byte, whatever the order of bytes of this computer.
    bytes_ = result.astype("<u8", copy=False).view(np.uint8)[:, :, : array.lanes]
    return torch.from_numpy(np.ascontiguousarray(bytes_).reshape(shape)).to(torch.float32)


@dataclass(frozen=True)
class Walk:
    """The kept codes of a layer in the order in which the update meets them.

    Parameters
    ----------
    places: int64 (kept,), their flat places.
    numbers: int64 (kept,), which number of UPDATE_RANDOM_BITS each takes.  words: that all of them take.
    """

    places: Int64
    numbers: Int64
    words: int

    def draw(self, words: RandomWords) -> Int64:
        """The number of each kept code, int64 (kept,)."""
        taken = words.take(self.words).astype("<u8", copy=False).view("<u2")
        return taken[self.numbers].astype(np.int64)


def walk(mask: npt.NDArray[np.bool_], array: ArrayShape) -> Walk:
    """For a mask (filters, …): rounds, engines, rows (channel, kernel row, column), filters of the engine.

    Each engine's part of a round begins with a fresh word.
    """
    flat = mask.reshape(len(mask), -1)
    size = array.engine_filters(len(mask))
    places, numbers, words = [], [], 0
    for first in range(0, len(flat), size):
        rows, filters = np.nonzero(flat[first : first + size].T)
        places.append((filters + first) * flat.shape[1] + rows)
        numbers.append(words * _SHARE + np.arange(len(rows)))
        words += -(-len(rows) // _SHARE)
    return Walk(np.concatenate(places), np.concatenate(numbers), words)
