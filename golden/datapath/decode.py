"""Coefficient streams, unpacked (docs/machine.md, section 4)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from golden.datapath.progress import Instruction, wrong_block
from golden.numerics.records import unpack_words
from golden.spec import formats
from golden.spec.arithmetics import coefficient_record
from golden.spec.errors import ErrorCode, MachineError, MissingWordsError
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
        exponent = self.code & formats.CODE_ZERO
        power = np.left_shift(1, exponent) * (exponent != formats.CODE_ZERO)
        return np.where(self.code & formats.CODE_SIGN, -power, power)


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

    def block(self, rows: int) -> PairBlock | None:
        """The next block; None if it does not end with the rows of its job."""
        number = np.searchsorted(self.ends, self.start)
        if number == len(self.ends):
            return None
        end = int(self.ends[number])
        piece = slice(self.start, end + 1)
        row = np.cumsum(self.advance[piece])
        adds = self.code[piece] & formats.CODE_ZERO != formats.CODE_ZERO
        if row[-1] != rows or (adds & (row >= rows)).any():
            return None
        self.start = end + 2 - end % 2
        return PairBlock(self.code[piece], self.slot[piece], row)

    def wrong(
        self, rows: int, instructions: Sequence[Instruction], first: int, turns: int, engines: int
    ) -> MachineError:
        """What the machine says where `block` gave None; parameters as of `wrong_block`."""
        code, advance = self.code[self.start :], self.advance[self.start :]
        ends = np.flatnonzero(code == formats.CODE_END)
        if not len(ends):
            text = f"engine {self.engine}: the stream has no END from entry {self.start} on"
            return MissingWordsError(ErrorCode.STREAM, text)
        marker = int(advance[: ends[0] + 1].sum())
        return MachineError(
            wrong_block(code, advance, instructions, first, turns, engines),
            f"engine {self.engine}: the block at entry {self.start} ends at row {marker}; "
            f"the marker is row {rows}",
        )
