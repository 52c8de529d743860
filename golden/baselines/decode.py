"""The streams of the baselines, unpacked: int8 weights, and rows of Ce with their bases."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from golden.datapath.progress import Instruction
from golden.numerics.records import unpack_words
from golden.spec import formats
from golden.spec.baselines import (
    INT8,
    REBUILD,
    REBUILD_COLUMN,
    REBUILD_GROUPS,
    REBUILD_HEAD,
    REBUILD_RECORD,
    ROWS_INT8,
    WEIGHT_RECORD,
)
from golden.spec.errors import ErrorCode, MachineError
from golden.spec.program import Program

Int64 = npt.NDArray[np.int64]

_COEFFICIENTS = np.array([formats.decode_coefficient(code) for code in range(15)] + [0])


@dataclass(frozen=True)
class WeightBlock:
    """One block of a stream of weights.

    Parameters
    ----------
    value, slot, row: int64, one per weight: row·value is added to the slot.
    advance: rows that each step of the stream goes forward, the END included.
    cost: cycles of each of those steps but the END.
    head: cycles before the first step when the block is read for the first time.
    release: rows that the engine leaves behind with the last cycle of a step (1: the row of the step too).
    """

    value: Int64
    slot: Int64
    row: Int64
    advance: tuple[int, ...]
    cost: tuple[int, ...]
    head: int
    release: int


class WeightStream:
    """The stream of one engine, read block after block; `block` gives the next one.

    Every block is checked against the number of `rows` of its job. Raises MachineError (STREAM) where
    they do not fit together or the stream is at its end.
    """

    def __init__(self, program: Program, engine: int) -> None:
        self._config = program.config
        self._engine = engine
        self._words = np.array(program.coefficients[engine], np.int64)
        self._at = 0

    def block(self, rows: int) -> WeightBlock:
        """The next block."""
        read = {INT8.name: self._dense, ROWS_INT8.name: self._sparse, REBUILD.name: self._rebuilt}
        return read[self._config.arithmetic](rows)

    def wrong(
        self, rows: int, instructions: Sequence[Instruction], first: int, turns: int, engines: int
    ) -> MachineError | None:
        """Nothing beyond what `block` raises."""

    def _refuse(self, text: str) -> MachineError:
        return MachineError(ErrorCode.STREAM, f"engine {self._engine}: {text}")

    def _take(self, count: int) -> Int64:
        """The next words."""
        words = self._words[self._at : self._at + count]
        if len(words) < count:
            raise self._refuse(f"the stream ends at word {len(self._words)}, inside a block")
        self._at += count
        return words

    def _slots(self, found: int, least: int) -> int:
        most = self._config.accumulators
        if not least <= found <= most:
            raise self._refuse(f"a block of {found} slots before word {self._at}; legal: {least}…{most}")
        return found

    def _weights(self, words: Int64) -> Int64:
        """int8 values of words of two."""
        fields = unpack_words(WEIGHT_RECORD, words)
        values = np.stack([fields["first"], fields["second"]], axis=1).reshape(-1)
        return values - (values >> 7 << 8)

    def _dense(self, rows: int) -> WeightBlock:
        head = unpack_words(WEIGHT_RECORD, self._take(1))
        slots = self._slots(int(head["first"][0]), 0)
        values = self._weights(self._take(-(-rows * slots // 2)))[: rows * slots]
        return WeightBlock(
            value=values,
            slot=np.tile(np.arange(slots), rows),
            row=np.repeat(np.arange(rows), slots),
            advance=(0,) * (rows + 1),
            cost=(max(1, slots),) * rows,
            head=1,
            release=1,
        )

    def _sparse(self, rows: int) -> WeightBlock:
        head = unpack_words(WEIGHT_RECORD, self._take(1))
        slots = self._slots(int(head["first"][0]), 1)
        kept, advances, values = [], [], []
        row = 0
        while True:
            words = self._take(1)
            advances.append(int(words[0]) & 0xFF)
            row += advances[-1]
            if row >= rows:
                break
            words = np.append(words, self._take(slots // 2))
            values.append(self._weights(words)[1 : slots + 1])
            kept.append(row)
        if row != rows:
            raise self._refuse(
                f"the block before word {self._at} ends at row {row}; the marker is row {rows}"
            )
        return WeightBlock(
            value=np.concatenate([*values, np.zeros(0, np.int64)]),
            slot=np.tile(np.arange(slots), len(kept)),
            row=np.repeat(np.array(kept, np.int64), slots),
            advance=tuple(advances),
            cost=(slots,) * len(kept),
            head=1,
            release=0,
        )

    def _rebuilt(self, rows: int) -> WeightBlock:
        head = unpack_words(REBUILD_HEAD, self._take(1))
        slots, size = self._slots(int(head["slots"][0]), 0), int(head["size"][0])
        if size not in REBUILD_GROUPS:
            raise self._refuse(f"rows of {size} weights before word {self._at}; legal: {REBUILD_GROUPS}")
        columns = unpack_words(REBUILD_COLUMN, self._take(slots))
        basis = np.zeros((self._config.accumulators + size, formats.BASIS), np.int64)
        basis[:slots] = np.stack(list(columns.values()), axis=1)
        entries = list(self._entries(rows))
        taken = np.array(entries[:-1], np.int64).reshape(-1, 3)
        if (taken[:, 1] + size > self._config.accumulators).any():
            raise self._refuse(
                f"slots up to {int(taken[:, 1].max()) + size - 1} before word {self._at}; "
                f"accumulators = {self._config.accumulators}"
            )
        codes = _COEFFICIENTS[taken[:, :1] >> formats.CODE_BITS * np.arange(formats.BASIS) & 15]
        slot = taken[:, 1:2] + np.arange(size)
        return WeightBlock(
            value=(basis[slot] * codes[:, None]).sum(axis=2).reshape(-1),
            slot=slot.reshape(-1),
            row=np.repeat(np.cumsum(taken[:, 2]), size),
            advance=tuple(advance for _, _, advance in entries),
            cost=(size,) * len(taken),
            head=1 + slots,
            release=0,
        )

    def _entries(self, rows: int) -> Iterator[tuple[int, int, int]]:
        """(codes, slot, advance) up to the END."""
        row = 0
        while row < rows:
            entry = REBUILD_RECORD.unpack(int(self._take(1)[0]))
            row += entry["advance"]
            yield entry["codes"], entry["slot"], entry["advance"]
        if row != rows:
            raise self._refuse(
                f"the block before word {self._at} ends at row {row}; the marker is row {rows}"
            )
