"""A Program's memory words, unpacked: what the golden machine and the cycle model both walk through."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from golden.datapath.progress import Instruction, Stop, first_stop
from golden.datapath.protocol import Block, Decoder, datapath
from golden.numerics.records import unpack_words
from golden.spec import formats, legality
from golden.spec.config import Config
from golden.spec.errors import ErrorCode, MachineError, MissingWordsError
from golden.spec.memories import (
    TABLE_ENTRIES,
    Fold,
    Operation,
    back_record,
    filter_record,
    front_record,
    tap_record,
)
from golden.spec.program import Program

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class DecodedLayer:
    """One instruction with everything that it points at.

    Parameters
    ----------
    front, back: field values of the instruction.
    pixel: int64, shape (tiles, taps). mask: bool, shape (tiles, taps, lanes).
    blocks: one Block for each engine, for each round: blocks[round][engine].
    term_count: terms of a filter. bias, shift: int64 (filters,).
    table: int64 (256,), or None.
    """

    front: dict[str, int]
    back: dict[str, int]
    pixel: Int64
    mask: npt.NDArray[np.bool_]
    blocks: tuple[tuple[Block, ...], ...]
    term_count: int
    bias: Int64
    shift: Int64
    table: Int64 | None

    def channels(self, number: int) -> Int64:
        """The input channels of a round."""
        return np.arange(self.front["channels"]) + number * self.front["channels"] * self.moves

    @property
    def moves(self) -> bool:
        """Whether each round takes the channels behind those of the round before."""
        return bool(self.front.get("moves"))

    @property
    def rows(self) -> int:
        """Rows of a job; also the number of the marker row."""
        return self.front["channels"] * self.front["taps"]


def decode(program: Program) -> list[DecodedLayer]:
    """The layers of a Program, in order.

    Raises MachineError: INSTRUCTION for an illegal operation or field, STREAM where a block and
    the rows of its job do not end together, TIMEOUT where the run would wait for ever. Raises its child
    MissingWordsError where the run reads words that the program does not have.
    """
    config = program.config
    instructions = list(_instructions(program))
    streams = [datapath(config).decoder(program, engine) for engine in range(config.engines)]
    taps = [tap_record(config).unpack(word) for word in program.taps]
    pixel = np.array([tap["pixel"] for tap in taps], np.int64)
    masks = np.array([tap["mask"] for tap in taps], object)
    lane = np.arange(config.lanes).astype(object)
    mask = (masks[:, None] >> lane & 1).astype(bool) if taps else np.zeros((0, config.lanes), bool)
    filters = unpack_words(filter_record(), np.array(program.filters, np.int64))
    layers = []
    stop = first_stop(instructions, config.engines)
    job = 0
    for index, (front, back) in enumerate(instructions):
        blocks: list[tuple[Block, ...]] = []
        for number in range(front["rounds"]):
            if stop is not None and (stop.layer, stop.round) == (index, number):
                raise _stopped(stop, streams, instructions[index:])
            blocks.append(_round_blocks(streams, instructions[index:], number, job))
            job += front["tiles"]
        tiles, count = front["tiles"], back["filters"]
        each = formats.BASIS**2 if back["fold"] == Fold.COLUMN else back["group"]
        tap = _range(len(taps), "tap", front["tap_address"], tiles * front["taps"])
        _range(len(program.terms), "term", back["term_address"], count * each)
        word = _range(len(program.filters), "filter", back["filter_address"], count)
        layers.append(
            DecodedLayer(
                front,
                back,
                pixel[tap].reshape(tiles, -1),
                mask[tap].reshape(tiles, -1, config.lanes),
                tuple(blocks),
                each,
                filters["bias"][word],
                filters["shift"][word],
                _table(program, back.get("table", 0)),
            )
        )
    if stop is not None:
        raise MachineError(ErrorCode.TIMEOUT, stop.reason)
    return layers


def _stopped(stop: Stop, streams: Sequence[Decoder], instructions: Sequence[Instruction]) -> MachineError:
    """What the machine says where turns stop it; an engine may find a wrong block in the rows before."""
    front, _ = instructions[0]
    for stream in streams if stop.turns is not None else ():
        rows = front["channels"] * front["taps"]
        error = stream.wrong(rows, instructions, stop.round * front["tiles"], stop.turns or 0, len(streams))
        if error is not None and error.code == ErrorCode.STREAM:
            return error
    return MachineError(ErrorCode.TIMEOUT, stop.reason)


def _round_blocks(
    streams: Sequence[Decoder], instructions: Sequence[Instruction], number: int, job: int
) -> tuple[Block, ...]:
    """A round's block of each engine; `instructions` from its layer on, `job` its first one in the run."""
    front, _ = instructions[0]
    rows = front["channels"] * front["taps"]
    found = [stream.block(rows) for stream in streams]
    blocks = tuple(block for block in found if block is not None)
    if len(blocks) == len(streams):
        return blocks
    # The turns of the engines before the first that is lost are still done.
    turns = job * len(streams) + found.index(None)
    said = [
        stream.wrong(rows, instructions, number * front["tiles"], turns, len(streams))
        for stream, block in zip(streams, found, strict=True)
        if block is None
    ]
    wrong = [error for error in said if error is not None]
    raise next((error for error in wrong if error.code == ErrorCode.STREAM), wrong[0])


def _table(program: Program, number: int) -> Int64 | None:
    """The entries of table `number`, 1…; None for 0."""
    if not number:
        return None
    place = _range(len(program.tables), "table", (number - 1) * TABLE_ENTRIES, TABLE_ENTRIES)
    entries = np.array(program.tables[place], np.int64)
    return entries - (entries >> 7 << 8)


def _range(size: int, memory: str, address: int, count: int) -> slice:
    if address + count > size:
        raise MissingWordsError(
            ErrorCode.INSTRUCTION,
            f"{memory} words {address}…{address + count - 1} of {size} are read",
        )
    return slice(address, address + count)


def _instructions(program: Program) -> Iterator[tuple[dict[str, int], dict[str, int]]]:
    config = program.config
    for index, (front_word, back_word) in enumerate(zip(program.front, program.back, strict=False)):
        front = front_record(config).unpack(front_word)
        back = back_record(config).unpack(back_word)
        ends = [half["operation"] == Operation.END for half in (front, back)]
        if all(ends):
            return
        for name, half, end in zip(("front", "back"), (front, back), ends, strict=True):
            if not end:
                _check_fields(index, name, half, config)
        if any(ends):
            raise MachineError(
                ErrorCode.TIMEOUT, f"instruction {index}: one half of it is END, the other waits for ever"
            )
        yield front, back
    raise MissingWordsError(ErrorCode.INSTRUCTION, "the instructions have no END")


def _check_fields(index: int, half: str, fields: dict[str, int], config: Config) -> None:
    """Raises MachineError where the fetch unit (front) or the drain (back) calls an instruction illegal."""
    for rule in legality.FRONT if half == "front" else legality.BACK:
        if not rule.holds(fields, config):
            raise MachineError(
                ErrorCode.INSTRUCTION,
                f"instruction {index}: {half} {rule.field} = {fields[rule.field]}; legal: {rule.legal}",
            )
