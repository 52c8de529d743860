"""A Program's memory words, unpacked: what the golden machine and the cycle model both walk through."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from golden.datapath.protocol import Block, datapath
from golden.records import unpack_words
from golden.spec import formats
from golden.spec.errors import ErrorCode, MachineError
from golden.spec.memories import (
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
    terms: int64 (filters, terms of a filter). bias, shift: int64 (filters,).
    """

    front: dict[str, int]
    back: dict[str, int]
    pixel: Int64
    mask: npt.NDArray[np.bool_]
    blocks: tuple[tuple[Block, ...], ...]
    terms: Int64
    bias: Int64
    shift: Int64

    @property
    def rows(self) -> int:
        """Rows of a job; also the number of the marker row."""
        return self.front["channels"] * self.front["taps"]


def decode(program: Program) -> list[DecodedLayer]:
    """The layers of a Program, in order.

    Raises MachineError: INSTRUCTION for an illegal operation or field, STREAM where a block and
    the rows of its job do not end together.
    """
    config = program.config
    instructions = list(_instructions(program))
    streams = [datapath(config).decoder(program, engine) for engine in range(config.engines)]
    taps = [tap_record(config).unpack(word) for word in program.taps]
    pixel = np.array([tap["pixel"] for tap in taps], np.int64)
    masks = np.array([tap["mask"] for tap in taps], object)
    lane = np.arange(config.lanes).astype(object)
    mask = (masks[:, None] >> lane & 1).astype(bool) if taps else np.zeros((0, config.lanes), bool)
    terms = np.array(program.terms, np.int64)
    terms = terms - (terms >> 7 << 8)
    filters = unpack_words(filter_record(), np.array(program.filters, np.int64))
    layers = []
    for front, back in instructions:
        rows = front["channels"] * front["taps"]
        blocks = tuple(tuple(stream.block(rows) for stream in streams) for _ in range(front["rounds"]))
        tiles, count = front["tiles"], back["filters"]
        each = formats.BASIS**2 if back["fold"] == Fold.COLUMN else back["group"]
        tap = _range(len(taps), "tap", front["tap_address"], tiles * front["taps"])
        term = _range(len(terms), "term", back["term_address"], count * each)
        word = _range(len(program.filters), "filter", back["filter_address"], count)
        layers.append(
            DecodedLayer(
                front,
                back,
                pixel[tap].reshape(tiles, -1),
                mask[tap].reshape(tiles, -1, config.lanes),
                blocks,
                terms[term].reshape(count, each),
                filters["bias"][word],
                filters["shift"][word],
            )
        )
    return layers


def _range(size: int, memory: str, address: int, count: int) -> slice:
    if address + count > size:
        raise MachineError(
            ErrorCode.INSTRUCTION,
            f"{memory} words {address}…{address + count - 1} of {size} are read",
        )
    return slice(address, address + count)


def _instructions(program: Program) -> Iterator[tuple[dict[str, int], dict[str, int]]]:
    config = program.config
    for index, (front_word, back_word) in enumerate(zip(program.front, program.back, strict=True)):
        front = front_record(config).unpack(front_word)
        back = back_record(config).unpack(back_word)
        if front["operation"] == back["operation"] == Operation.END:
            return
        _check_fields(index, front, back, program)
        yield front, back
    raise MachineError(ErrorCode.INSTRUCTION, "the instructions have no END")


def _check_fields(index: int, front: dict[str, int], back: dict[str, int], program: Program) -> None:
    config = program.config
    if front["operation"] != Operation.LAYER or back["operation"] != Operation.LAYER:
        raise MachineError(
            ErrorCode.INSTRUCTION,
            f"instruction {index}: operations {front['operation']}, {back['operation']}; "
            f"legal: {Operation.LAYER} in both or {Operation.END} in both",
        )
    if back["fold"] == Fold.COLUMN:
        slots = formats.BASIS * back["engine_filters"]
    else:
        slots = -(-back["engine_filters"] // max(back["group"], 1)) * back["group"]
    for name, holds in (
        ("rounds", 1 <= front["rounds"] == back["rounds"]),
        ("tiles", 1 <= front["tiles"] == back["tiles"]),
        ("channels", front["channels"] >= 1),
        ("taps", front["taps"] >= 1),
        ("ready_channels", front["ready_channels"] >= 1),
        ("group", back["group"] in formats.GROUPS),
        ("filters", back["filters"] >= 1),
        ("engine_filters", 1 <= slots <= config.accumulators),
        ("plane_tiles", back["plane_tiles"] >= 1),
        ("last_lanes", 1 <= back["last_lanes"] <= config.lanes),
        ("row_width", back["row_width"] >= 1 and config.lanes % back["row_width"] == 0),
    ):
        if not holds:
            field = front.get(name, back.get(name))
            raise MachineError(ErrorCode.INSTRUCTION, f"instruction {index}: {name} = {field}")
