"""The writes into the feature memory, in the order in which the drain makes them.

Order: layer, round, tile, engine, filter, slice of `basis` lanes; a pooled channel is one write of
all lanes with the last tile of its round.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from golden.machine.run import run_words
from golden.machine.tensors import positions
from golden.spec.config import Config
from golden.spec.memories import back_record
from golden.spec.program import Program

Int8 = npt.NDArray[np.int8]
Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Writes:
    """Writes of one run.

    Parameters
    ----------
    layer: int64 (writes,), number of the layer that makes it.
    address: int64 (writes,), word of the feature memory.
    enable: bool (writes, lanes).
    data: int8 (images, writes, lanes), zero where not enabled.
    """

    layer: Int64
    address: Int64
    enable: Bool
    data: Int8


@dataclass(frozen=True)
class WrittenTensor:
    """One layer's output as writes left it.

    Parameters
    ----------
    values: int8 (C, H, W), zero where nothing was written.
    write: int64 (C, H, W), number of the write that each value came with, −1 where there was none.
    """

    values: Int8
    write: Int64


def writes_of_layers(program: Program) -> tuple[int, ...]:
    """How many writes each layer makes; the same for every image."""
    config = program.config
    slices = config.lanes // config.basis
    counts = []
    for _, word in zip(program.layers, program.back, strict=False):
        back = back_record(config).unpack(word)
        counts.append(back["filters"] * (1 if back["pool"] else back["tiles"] * slices))
    return tuple(counts)


def trace_program(program: Program, images: Int8) -> Writes:
    """Every write of a run for each image, int8 (N, C, H, W).

    Raises MachineError where the machine would stop, ValueError for images of another shape.
    """
    config = program.config
    layer, address, enable, data = [], [], [], []
    for words in run_words(program, images):
        pooled = back_record(config).unpack(program.back[words.layer])["pool"]
        masks = np.ones((1, config.lanes), bool) if pooled else _slices(config)
        count = len(words.address) * len(masks)
        layer.append(np.full(count, words.layer))
        address.append(np.repeat(words.address, len(masks)))
        enable.append(np.tile(masks, (len(words.address), 1)))
        data.append(np.repeat(words.data, len(masks), axis=0).transpose(2, 0, 1) * enable[-1])
    return Writes(
        np.concatenate(layer),
        np.concatenate(address),
        np.concatenate(enable),
        np.concatenate(data, axis=1),
    )


def _slices(config: Config) -> Bool:
    lane = np.arange(config.lanes)
    return lane // config.basis == np.arange(config.lanes // config.basis)[:, None]


def tensors_from_writes(
    program: Program, address: Int64, enable: Bool, data: Int8
) -> dict[str, WrittenTensor]:
    """The output of every layer from the writes of one image.

    Tensors share memory over time, so writes are given to layers by their order. Writes may be
    missing at the end.

    Parameters
    ----------
    address: int64 (writes,). enable: bool (writes, lanes). data: int8 (writes, lanes).

    Raises ValueError if there are more writes than the program makes.
    """
    counts = writes_of_layers(program)
    if len(address) > sum(counts):
        raise ValueError(f"{len(address)} writes; the program makes {sum(counts)}")
    lanes = program.config.lanes
    place = address[:, None] * lanes + np.arange(lanes)
    number = np.broadcast_to(np.arange(len(address))[:, None], place.shape)
    tensors = {}
    start = 0
    for tensor, count in zip(program.tensors[1:], counts, strict=True):
        part = slice(start, start + count)
        chosen = enable[part]
        values = np.zeros(program.config.feature_words * lanes, np.int8)
        write = np.full(values.shape, -1, np.int64)
        target = place[part][chosen]
        values[target], write[target] = data[part][chosen], number[part][chosen]
        where = positions(tensor, lanes)
        tensors[tensor.name] = WrittenTensor(values[where], write[where])
        start += count
    return tensors
