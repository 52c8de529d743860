"""Coefficient streams, unpacked (docs/machine.md, section 4)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from golden.records import unpack_words
from golden.spec import formats
from golden.spec.arithmetics import coefficient_record
from golden.spec.errors import ErrorCode, MachineError
from golden.spec.program import Program

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PairBlock:
    """One block of a coefficient stream, END included; nothing reads the padding after it.

    Parameters
    ----------
    code, slot, row: int64, one per entry; row is the row of the job that the entry points at.
    """

    code: Int64
    slot: Int64
    row: Int64

    @property
    def value(self) -> Int64:
        """The coefficient of each entry; zero for fillers and END."""
        power = np.left_shift(1, self.code & 7) * ((self.code & 7) != formats.CODE_ZERO)
        return np.where(self.code & 8, -power, power)


class PairStream:
    """The coefficient stream of one engine, read block after block."""

    def __init__(self, program: Program, engine: int) -> None:
        record = coefficient_record(program.config)
        pairs = np.array(program.coefficients[engine], np.int64)
        entries = np.stack([pairs & ((1 << record.bits) - 1), pairs >> record.bits], axis=1)
        fields = unpack_words(record, entries.reshape(-1))
        self.engine = engine
        self.code, self.slot, self.advance = fields["code"], fields["slot"], fields["advance"]
        self.ends = np.flatnonzero(self.code == formats.CODE_END)
        self.start = 0

    def block(self, rows: int) -> PairBlock:
        """The next block, checked against the rows of its job."""
        number = np.searchsorted(self.ends, self.start)
        if number == len(self.ends):
            raise MachineError(ErrorCode.STREAM, f"engine {self.engine}: the stream has no more END")
        end = int(self.ends[number])
        piece = slice(self.start, end + 1)
        row = np.cumsum(self.advance[piece])
        marker = int(row[-1])
        if marker != rows or (row[:-1] >= rows).any():
            raise MachineError(
                ErrorCode.STREAM,
                f"engine {self.engine}: the block at entry {self.start} ends at row {marker}; "
                f"the marker is row {rows}",
            )
        self.start = end + 2 - end % 2
        return PairBlock(self.code[piece], self.slot[piece], row)
