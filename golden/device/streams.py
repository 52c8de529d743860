"""The streams of a layer that learns: codes forward and transposed, counters, where a code stands twice."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from golden.datapath.encode import BlockEntries, block_entries, pack_pairs
from golden.datapath.entries import coefficient_codes
from golden.numerics.records import pack_words
from golden.spec import formats, latency
from golden.spec.arithmetics import PAIR
from golden.spec.config import Config
from golden.spec.learning import ArrayShape
from golden.spec.memories import counter_record, place_record

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Stream:
    """A matrix of kept codes as blocks of all engines.

    Parameters
    ----------
    blocks: by round, by engine.  All engines' blocks of a round have equally many pairs.
    places: by round, by engine: for each entry that is kept, in order, its flat place in the matrix.
    """

    blocks: tuple[tuple[BlockEntries, ...], ...]
    places: tuple[tuple[Int64, ...], ...]

    @property
    def pairs(self) -> list[int]:
        """Pairs of each round."""
        return [len(engines[0].code) // PAIR for engines in self.blocks]


def stream(codes: Int64, mask: npt.NDArray[np.bool_], array: ArrayShape) -> Stream:
    """The blocks of a matrix.

    Parameters
    ----------
    codes: (filters, rows), 0 or ±2^p.  mask: bool, the same shape: kept, also where the code is 0.
    """
    filters, rows = codes.shape
    size = array.engine_filters(filters)
    blocks, places = [], []
    for first in range(0, filters, size * array.engines):
        pieces = []
        for engine in range(array.engines):
            start = first + engine * size
            part = slice(start, min(start + size, filters))
            row, slot = np.nonzero(mask[part].T)
            code = coefficient_codes(codes[part].T[row, slot])
            pieces.append((row, slot, code, (start + slot) * rows + row))
        least = max(len(block_entries(row, slot, code, rows).code) for row, slot, code, _ in pieces)
        blocks.append(tuple(block_entries(row, slot, code, rows, least) for row, slot, code, _ in pieces))
        places.append(tuple(place for *_, place in pieces))
    return Stream(tuple(blocks), tuple(places))


@dataclass(frozen=True)
class Entries:
    """Where each kept place stands: engine and entry number, int64 (places of the matrix,); −1: not kept."""

    engine: Int64
    entry: Int64


def entry_numbers(it: Stream, starts: list[int], places: int) -> Entries:
    """Of a stream whose round r begins at pair `starts[r]`, of a matrix with so many places."""
    engines, numbers = np.full(places, -1), np.full(places, -1)
    for start, blocks, kept in zip(starts, it.blocks, it.places, strict=True):
        for engine, (block, place) in enumerate(zip(blocks, kept, strict=True)):
            engines[place], numbers[place] = engine, PAIR * start + block.places
    return Entries(engines, numbers)


@dataclass(frozen=True)
class Learning:
    """What of a stream is updated, by place of its matrix, flat.

    Parameters
    ----------
    counters: int64.  learns: bool; the others keep code and counter.
    """

    counters: Int64
    learns: npt.NDArray[np.bool_]


class EngineMemories:
    """Coefficients, counters and places of all engines while layers are added, from pair 0 on.

    All engines are equally full.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self.coefficients: list[list[int]] = [[] for _ in range(config.engines)]
        self.counters: list[list[int]] = [[] for _ in range(config.engines)]
        self.places: list[list[int]] = [[] for _ in range(config.engines)]
        self._twice: list[int] = []
        """Of each pair number, in all engines: entries that take two cycles of an update."""

    @property
    def pairs(self) -> int:
        """Pairs so far."""
        return len(self.coefficients[0])

    def starts(self, it: Stream) -> list[int]:
        """First pair of each round of a stream that is added next."""
        return [self.pairs + before for before in np.cumsum([0, *it.pairs[:-1]]).tolist()]

    def update_cycles(self, pair: int, pairs: int) -> int:
        """Of an update of a range of pairs."""
        entries = PAIR * pairs * self._config.engines
        return latency.update(entries, sum(self._twice[pair : pair + pairs]))

    def add(self, it: Stream, learning: Learning | None = None, twins: Entries | None = None) -> None:
        """Appends a stream; with counters where it is updated, and where its codes stand a second time, if
        they do.
        """
        for blocks, kept in zip(it.blocks, it.places, strict=True):
            twice = np.zeros(len(blocks[0].code), np.int64)
            for engine, (block, place) in enumerate(zip(blocks, kept, strict=True)):
                self.coefficients[engine] += pack_pairs(block, self._config).tolist()
                count = len(block.code)
                values = {name: np.zeros(count, np.int64) for name in ("kept", "counter")}
                twin = {name: np.zeros(count, np.int64) for name in ("engine", "entry", "valid")}
                if learning is not None:
                    values["kept"][block.places] = learning.learns[place]
                    values["counter"][block.places] = learning.counters[place]
                if twins is not None:
                    twin["valid"][block.places] = 1
                    twin["engine"][block.places] = twins.engine[place]
                    twin["entry"][block.places] = twins.entry[place]
                for target, record, fields in (
                    (self.counters, counter_record(), values),
                    (self.places, place_record(self._config), twin),
                ):
                    target[engine] += _paired(pack_words(record, **fields), record.bits)
                twice += block.code == formats.CODE_END
                twice += values["kept"] & twin["valid"] & (twin["engine"] == engine)
            self._twice += twice.reshape(-1, PAIR).sum(1).tolist()


def _paired(words: Int64, bits: int) -> list[int]:
    return [low | high << bits for low, high in zip(words[0::2].tolist(), words[1::2].tolist(), strict=True)]
