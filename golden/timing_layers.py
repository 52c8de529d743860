"""What a run does, layer by layer, as far as its cycles depend on it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from golden.records import unpack_words
from golden.spec import formats
from golden.spec.config import Arithmetic
from golden.spec.memories import Operation, back_record, coefficient_record, front_record, tap_record
from golden.spec.program import Program
from golden.tensors import extent, pack_tensor
from golden.weight_streams import WeightBlock, WeightStream

DEAD, LIVE, END = 0, 1, 2
"""Kinds of entries: nothing to add, something, the end of a block."""


@dataclass(frozen=True)
class Block:
    """A block of entries: rows that each one advances, and its kind."""

    advance: list[int]
    kind: list[int]


@dataclass(frozen=True)
class Layer:
    """A layer: its instruction, blocks[engine][round], and which rows are zero (tiles, rows) if known.

    `weights` takes the place of `blocks` in the arithmetics that have streams of weights.
    """

    front: dict[str, int]
    back: dict[str, int]
    blocks: list[list[Block]]
    weights: list[list[WeightBlock]]
    zero: list[list[bool]] | None


def read_layers(program: Program, tensors: Mapping[str, Any] | None) -> list[Layer]:
    """The layers of a Program; `tensors`: of one image, as `golden.timing.count_cycles` takes them."""
    config = program.config
    shift_add = config.arithmetic == Arithmetic.SHIFT_ADD
    streams = [_blocks(program, engine) for engine in range(config.engines)] if shift_add else []
    weights = [] if shift_add else [WeightStream(program, engine) for engine in range(config.engines)]
    memory = np.zeros((config.feature_words, config.lanes), np.int8)
    if tensors is not None:
        _store(memory, program, program.input, tensors)
    layers = []
    for number, (front_word, back_word) in enumerate(zip(program.front, program.back, strict=True)):
        front, back = front_record(config).unpack(front_word), back_record(config).unpack(back_word)
        if front["operation"] == Operation.END:
            break
        blocks = [[next(stream) for _ in range(front["rounds"])] for stream in streams]
        rows = front["channels"] * front["taps"]
        words = [[stream.block(rows) for _ in range(front["rounds"])] for stream in weights]
        zero = None if tensors is None else _zero_rows(memory, program, front).tolist()
        layers.append(Layer(front, back, blocks, words, zero))
        if tensors is not None:
            _store(memory, program, program.layers[number].output, tensors)
    return layers


def _store(memory: npt.NDArray[np.int8], program: Program, name: str, tensors: Mapping[str, Any]) -> None:
    tensor = program.tensor(name)
    words = pack_tensor(np.asarray(tensors[name]), tensor, program.config.lanes)[0]
    memory[tensor.address : tensor.address + extent(tensor, program.config.lanes)] = words


def _zero_rows(
    memory: npt.NDArray[np.int8], program: Program, front: dict[str, int]
) -> npt.NDArray[np.bool_]:
    """True for rows whose bytes are all zero, shape (tiles, rows of a job)."""
    lanes = program.config.lanes
    count = front["tiles"] * front["taps"]
    words = np.array(program.taps[front["tap_address"] :][:count], np.int64)
    taps = unpack_words(tap_record(program.config), words)
    channel = np.arange(front["channels"]) * front["input_stride"] + front["input_address"]
    lane = np.arange(lanes)
    byte = channel[:, None, None] * lanes + taps["pixel"][None, :, None] + lane
    mask = (taps["mask"][:, None] >> lane & 1).astype(bool)
    busy = (memory.reshape(-1)[byte % memory.size] != 0) & mask
    zero = ~busy.any(axis=2).reshape(front["channels"], front["tiles"], front["taps"])
    return zero.transpose(1, 0, 2).reshape(front["tiles"], -1)


def _blocks(program: Program, engine: int) -> Iterator[Block]:
    """The blocks of an engine's stream, in order."""
    record = coefficient_record(program.config)
    pairs = np.array(program.coefficients[engine], np.int64)
    entries = np.stack([pairs & ((1 << record.bits) - 1), pairs >> record.bits], axis=1).reshape(-1)
    fields = unpack_words(record, entries)
    code = fields["code"]
    kind = np.where(code == formats.CODE_END, END, np.where(code == formats.CODE_ZERO, DEAD, LIVE))
    first = 0
    for end in np.flatnonzero(kind == END).tolist():
        yield Block(fields["advance"][first : end + 1].tolist(), kind[first : end + 1].tolist())
        first = end + 2 - end % 2
