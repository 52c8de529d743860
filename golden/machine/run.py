"""The golden machine: executes the memory words of a Program as docs/machine.md says."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from golden.graph.operations.add import added
from golden.graph.operations.global_mean import rounded
from golden.graph.operations.lookup import looked_up
from golden.graph.operations.relu import rectified
from golden.graph.operations.requantise import requantised
from golden.machine.decode import DecodedLayer, decode
from golden.machine.load import demand_loadable
from golden.machine.result import Result
from golden.machine.tensors import demand_places, image_words, pack_tensor, positions
from golden.spec import formats
from golden.spec.config import Config
from golden.spec.errors import ErrorCode, MachineError
from golden.spec.memories import Fold, run_record
from golden.spec.program import Program
from golden.spec.tensor import Tensor

Int8 = npt.NDArray[np.int8]
Int64 = npt.NDArray[np.int64]
Float = npt.NDArray[np.float32] | npt.NDArray[np.float64]

_BATCH = 128
"""Images that go through at once: keeps memory flat."""


@dataclass(frozen=True)
class JobWrites:
    """Whole words that one job writes, in the order of the drain.

    Parameters
    ----------
    layer: number of the layer.
    address: int64, shape (words,).
    data: int8, shape (words, lanes, images).
    """

    layer: int
    address: Int64
    data: Int8


def run_program(program: Program, images: Int8, on_images: Callable[[int], None] | None = None) -> Result:
    """Every layer's output, computed from the program's memory words.

    Parameters
    ----------
    images: int8, shape (N, C, H, W), values of the input tensor.
    on_images: called with the number of images done after each batch, for progress.

    Returns a Result with the input and every layer's output, int8 (N, C, H, W). A program that
    the machine would refuse or stop at gives no tensors and the ErrorCode.
    Raises ValueError if the images are not int8 of the input's shape, ProgramError if the words of the
    program do not agree with its tensors and layers.
    """
    started = time.perf_counter()
    pack_tensor(images[:0], program.tensor(program.input), program.config.lanes)
    try:
        demand_loadable(program)
        demand_places(program)
        layers = decode(program)
    except MachineError as error:
        return Result("golden", {}, error=error.code, seconds=time.perf_counter() - started)
    parts: dict[str, list[Int8]] = {tensor.name: [] for tensor in program.tensors}
    for start in range(0, max(len(images), 1), _BATCH):
        batch = images[start : start + _BATCH]
        parts[program.input].append(batch)
        memory, terms = _load(program, batch), _terms(program, len(batch))
        for tensor, layer in zip(program.tensors[1:], enumerate(layers), strict=True):
            for _ in _run_layer(*layer, memory, terms, program.config):
                pass
            # A later layer may use these words again.
            parts[tensor.name].append(_read(memory, tensor))
        if on_images is not None:
            on_images(start + len(batch))
    tensors = {name: np.concatenate(values) for name, values in parts.items()}
    return Result("golden", tensors, seconds=time.perf_counter() - started)


def run_words(program: Program, images: Int8) -> Iterator[JobWrites]:
    """The words that a run writes for a few images, job after job, in the order of the drain.

    Raises MachineError where the machine would stop.
    """
    memory, terms = _load(program, images), _terms(program, len(images))
    for index, layer in enumerate(decode(program)):
        yield from _run_layer(index, layer, memory, terms, program.config)


def run_frames(program: Program, frames: Int8) -> Int8:
    """What leaves on the result stream for each frame of the image stream, by the memory words alone.

    Parameters
    ----------
    frames: int8, shape (N, words, lanes).

    Returns int8, shape (N, result_words, lanes). Raises MachineError where the machine would refuse the
    program (PROGRAM, SECTION) or the frames (SHORT_IMAGE, LONG_IMAGE), or stop.
    """
    demand_loadable(program)
    run = run_record(program.config).unpack(program.run)
    expected, words = run["input_words"], frames.shape[1]
    if words != expected:
        code = ErrorCode.SHORT_IMAGE if words < expected else ErrorCode.LONG_IMAGE
        raise MachineError(code, f"a frame of {words} words; input_words = {expected}")
    layers = decode(program)
    memory, terms = _memory(program, frames), _terms(program, len(frames))
    for index, layer in enumerate(layers):
        for _ in _run_layer(index, layer, memory, terms, program.config):
            pass
    result = memory[run["result_address"] :][: run["result_words"]]
    return np.ascontiguousarray(result.transpose(2, 0, 1))


def _terms(program: Program, images: int) -> Int64:
    """The memories of the terms, (words, images): what is written there differs from image to image."""
    terms = np.zeros((program.config.term_words, 1), np.int64)
    terms[: len(program.terms), 0] = program.terms
    terms -= terms >> 7 << 8
    return terms.repeat(images, axis=1) if program.config.gates else terms


def _load(program: Program, images: Int8) -> Int8:
    """Feature memories with the images in them, int8 (feature_words, lanes, images)."""
    return _memory(program, image_words(program, images))


def _memory(program: Program, frames: Int8) -> Int8:
    """Likewise for the words of images, int8 (images, words, lanes)."""
    config = program.config
    address = run_record(config).unpack(program.run)["input_address"]
    memory = np.zeros((config.feature_words, config.lanes, len(frames)), np.int8)
    memory[address : address + frames.shape[1]] = frames.transpose(1, 2, 0)
    return memory


def _read(memory: Int8, tensor: Tensor) -> Int8:
    """A tensor out of the memories, int8 (images, C, H, W)."""
    words, lanes, images = memory.shape
    return np.moveaxis(memory.reshape(words * lanes, images)[positions(tensor, lanes)], -1, 0)


def _run_layer(
    index: int, layer: DecodedLayer, memory: Int8, terms: Int64, config: Config
) -> Iterator[JobWrites]:
    """Runs the jobs of a layer on the memories of features and terms, in place."""
    back = layer.back
    for number in range(back["rounds"]):
        weights = _weights(layer, number, config)
        filters = _round_filters(back, number, config)
        pooled = np.zeros((len(filters), memory.shape[-1]), np.int64)
        for tile in range(back["tiles"]):
            sums = _partial_sums(weights, _rows(layer, number, tile, memory), config)
            words = _words(layer, filters, tile, _outputs(layer, filters, sums, terms, config), memory)
            address = (back["output_address"] + filters * back["output_stride"]) % len(memory)
            if back["pool"]:
                pooled += words.sum(axis=1)
                if tile < back["tiles"] - 1:
                    continue
                words = np.zeros_like(words)
                words[:, 0] = rounded(pooled, back["pool_shift"])
            else:
                address = (address + tile) % len(memory)
            memory[address] = words.astype(np.int8)
            if back.get("gate"):
                terms[(address + back["gate_offset"]) % len(terms)] = words[:, 0]
            yield JobWrites(index, address, memory[address])


def _weights(layer: DecodedLayer, number: int, config: Config) -> Float:
    """What every partial sum adds of every row in a round: (engines · accumulators, rows).

    In float32 if no sum can pass 2**24, else in float64, where fewer than 2**32 entries of at most
    2**13 (or 2**18 of at most 2**22) stay below 2**53: the product with int8 rows is
    exact either way.
    """
    weights = np.zeros((config.engines * config.accumulators, layer.rows))
    for engine, block in enumerate(layer.blocks[number]):
        value = block.value
        live = value != 0
        np.add.at(weights, (engine * config.accumulators + block.slot[live], block.row[live]), value[live])
    exact = np.abs(weights).sum(axis=1).max() * 128 <= 1 << 24
    return weights.astype(np.float32) if exact else weights


def _round_filters(back: dict[str, int], number: int, config: Config) -> Int64:
    """Filters of a round in the order of the drain."""
    each = config.engines * back["engine_filters"]
    return np.arange(number * each, min((number + 1) * each, back["filters"]))


def _rows(layer: DecodedLayer, number: int, tile: int, memory: Int8) -> Int8:
    """The rows of a job, (rows, lanes · images)."""
    words, lanes, images = memory.shape
    front = layer.front
    channel = front["input_address"] + layer.channels(number) * front["input_stride"]
    first = channel[:, None] * lanes + layer.pixel[tile]
    place = (first[..., None] + np.arange(lanes)) % (words * lanes)
    low = np.int8(-128 if front.get("low") else 0)
    rows = np.where(layer.mask[tile][None, ..., None], memory.reshape(words * lanes, images)[place], low)
    return rows.reshape(layer.rows, lanes * images)


def _partial_sums(weights: Float, rows: Int8, config: Config) -> Int64:
    """The partial sums of a job, (engines, accumulators, lanes, images), wrapped.

    Wrapping once at the end equals wrapping after each addition.
    """
    used = weights.any(axis=1)
    sums = np.zeros((len(weights), rows.shape[1]), np.int64)
    sums[used] = weights[used] @ rows.astype(weights.dtype)
    return _wrap(sums, config.accumulator_bits).reshape(config.engines, config.accumulators, config.lanes, -1)


def _wrap(values: Int64, bits: int) -> Int64:
    """The two's complement value of the low `bits` bits."""
    half = 1 << (bits - 1)
    return ((values + half) & ((1 << bits) - 1)) - half


def _outputs(layer: DecodedLayer, filters: Int64, sums: Int64, terms: Int64, config: Config) -> Int64:
    """Σ terms · partial sums + bias, (filters of the round, lanes, images), wrapped.

    LARGEST takes the product whose low byte is the largest signed number, the first of equal ones, in
    place of the sum.
    """
    back = layer.back
    engine = filters // back["engine_filters"] % config.engines
    local = filters % back["engine_filters"]
    output = np.zeros((len(filters), *sums.shape[2:]), np.int64)
    each = layer.term_count
    for number in range(each):
        term = terms[back["term_address"] + filters * each + number][:, None]
        if back["fold"] == Fold.COLUMN:
            slot, column = local * formats.BASIS + number // formats.BASIS, number % formats.BASIS
            part = _neighbours(sums[engine, slot], column - 1, back["row_width"])
        elif back["fold"] == Fold.LARGEST:
            part = term * sums[engine, local * back["group"] + number]
            larger = _wrap(part, 8) > _wrap(output, 8) if number else np.ones(part.shape, bool)
            output = np.where(larger, part + layer.bias[filters, None, None], output)
            continue
        else:
            part = sums[engine, local // back["group"] * back["group"] + number]
        output += term * part
    if back["fold"] != Fold.LARGEST:
        output += layer.bias[filters, None, None]
    return _wrap(output, formats.OUTPUT_BITS)


def _neighbours(values: Int64, offset: int, width: int) -> Int64:
    """Each lane's value `offset` pixels to the right in its map row of `width`, else zero."""
    count, lanes, images = values.shape
    rows = values.reshape(count, lanes // width, width, images)
    result = np.zeros_like(rows)
    if offset == 0:
        result = rows
    elif offset > 0:
        result[:, :, :-1] = rows[:, :, 1:]
    else:
        result[:, :, 1:] = rows[:, :, :-1]
    return result.reshape(values.shape)


def _words(layer: DecodedLayer, filters: Int64, tile: int, outputs: Int64, memory: Int8) -> Int64:
    """The requantised words of a job, (filters of the round, lanes, images), before pooling."""
    back = layer.back
    result = requantised(outputs, layer.shift[filters, None, None])
    if back["residual"]:
        address = back["residual_address"] + filters * back["output_stride"] + tile
        other = memory[address % len(memory)].astype(np.int64)
        result = added(result, other, back["align_result"], back["align_residual"], back["residual_shift"])
    if layer.table is not None:
        result = looked_up(layer.table, result)
    elif back["relu"]:
        result = rectified(result)
    if tile % back["plane_tiles"] == back["plane_tiles"] - 1:
        result[:, back["last_lanes"] :] = 0
    return result
