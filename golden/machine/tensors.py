"""Between int8 arrays (images, channels, height, width) and the words of the feature memory."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from golden.spec.errors import LightDealError, ProgramError
from golden.spec.memories import Operation, back_record, front_record, run_record
from golden.spec.program import Program
from golden.spec.tensor import Tensor

CLIPPED = 0.01
"""Share of an image's values that may lie beyond int8 without a word."""

Int8 = npt.NDArray[np.int8]
Int64 = npt.NDArray[np.int64]


class NotFiniteError(LightDealError):
    """Real values that stand for no number."""


def quantise(values: npt.NDArray[Any], scale: float) -> Int8:
    """Nearest int8 to values / scale, ties to even, saturated to -128…127; shape unchanged.

    Raises NotFiniteError, with their count and the first place, if values are infinite or no numbers.
    """
    values = np.asarray(values, np.float64)
    finite = np.isfinite(values)
    if not finite.all():
        places = np.argwhere(~finite)
        first = tuple(int(index) for index in places[0])
        raise NotFiniteError(
            f"{len(places)} of {finite.size} values are not finite, the first at index {first}; "
            "supported: finite numbers"
        )
    return np.clip(np.rint(values / scale), -128, 127).astype(np.int8)


def clipped_share(values: npt.NDArray[Any], scale: float) -> float:
    """Share of the values that `quantise` saturates; 0 of none."""
    whole = np.rint(np.asarray(values, np.float64) / scale)
    return float(np.count_nonzero((whole < -128) | (whole > 127)) / max(whole.size, 1))


def clipping(program: Program, images: npt.NDArray[Any]) -> str | None:
    """A sentence for images of another range than the program's, or None; see `CLIPPED`."""
    scale = program.tensor(program.input).scale
    if (share := clipped_share(images, scale)) <= CLIPPED:
        return None
    return (
        f"{share:.2%} of the values saturate: the program takes {-128 * scale:g}…{127 * scale:g}, like the "
        f"images that it was compressed with; these have {np.min(images):g}…{np.max(images):g}"
    )


def input_tensor(program: Program, images: npt.NDArray[Any]) -> Int8:
    """A program's input of real images (N, C, H, W); warns (UserWarning) of images of another range.

    Raises NotFiniteError as `quantise`.
    """
    inputs = quantise(images, program.tensor(program.input).scale)
    if (said := clipping(program, images)) is not None:
        warnings.warn(f"images: {said}", stacklevel=2)
    return inputs


def extent(tensor: Tensor, lanes: int) -> int:
    """Words from the first word of the tensor to behind its last one."""
    return (tensor.shape[0] - 1) * tensor.stride + tensor.words(lanes)


def positions(tensor: Tensor, lanes: int) -> Int64:
    """Byte of the feature memory (word · lanes + lane) of every pixel, shape (C, H, W).

    The same as `Tensor.position`, for the whole tensor at once.
    """
    channels, height, width = tensor.shape
    down, across = tensor.degree
    c = np.arange(channels)[:, None, None]
    y = np.arange(height)[None, :, None]
    x = np.arange(width)[None, None, :]
    pixel = (y // down) * tensor.pitch + x // across
    word = tensor.address + c * tensor.stride + tensor.plane(y, x) * tensor.plane_words(lanes)
    return word * lanes + pixel


def pack_tensor(values: Int8, tensor: Tensor, lanes: int) -> Int8:
    """The words of a batch in address order.

    Parameters
    ----------
    values: int8, shape (N, C, H, W) with (C, H, W) = tensor.shape.

    Returns int8, shape (N, words, lanes), words = `extent`; bytes that hold no pixel are zero.
    Raises ValueError if dtype or shape differ.
    """
    values = np.asarray(values)
    if values.dtype != np.int8 or values.ndim != 4 or values.shape[1:] != tensor.shape:
        raise ValueError(
            f"tensor {tensor.name!r}: got {values.dtype} of shape {values.shape}; "
            f"expected int8 of shape (images, {', '.join(map(str, tensor.shape))})"
        )
    words = np.zeros((len(values), extent(tensor, lanes), lanes), np.int8)
    flat = words.reshape(len(values), words.shape[1] * lanes)
    flat[:, positions(tensor, lanes) - tensor.address * lanes] = values
    return words


def unpack_tensor(words: Int8, tensor: Tensor, lanes: int) -> Int8:
    """The inverse of `pack_tensor`: int8 (N, words, lanes) from the tensor's address on → (N, C, H, W)."""
    flat = words.reshape(len(words), words.shape[1] * lanes)
    return flat[:, positions(tensor, lanes) - tensor.address * lanes]


def read_tensor(memory: Int8, tensor: Tensor) -> Int8:
    """A tensor out of whole feature memories, int8 (N, feature_words, lanes) → (N, C, H, W)."""
    lanes = memory.shape[-1]
    return memory.reshape(len(memory), memory.shape[1] * lanes)[:, positions(tensor, lanes)]


def demand_places(program: Program) -> None:
    """Raises ProgramError if the memory words of a program do not agree with its tensors and layers.

    The run word must read the input's place and send the output's, and one instruction before END stands
    for each layer, which writes the tensor after the one before.
    """
    config = program.config
    run = run_record(config).unpack(program.run)
    for what, names in (("input", (program.input,)), ("result", program.outputs)):
        right = result_range([program.tensor(name) for name in names], config.lanes)
        found = (run[f"{what}_address"], run[f"{what}_words"])
        if found != right:
            lies = f"tensor {names[0]!r} lies" if len(names) == 1 else f"tensors {', '.join(names)} lie"
            raise ProgramError(
                f"program: the run word has its {what} at word {found[0]}, {found[1]} words; "
                f"{lies} at word {right[0]}, {right[1]} words"
            )
    instructions = 0
    for front, back in zip(program.front, program.back, strict=False):
        halves = (front_record(config).unpack(front), back_record(config).unpack(back))
        if all(half["operation"] == Operation.END for half in halves):
            break
        instructions += 1
    if not instructions == len(program.layers) == len(program.tensors) - 1:
        raise ProgramError(
            f"program: {instructions} instructions before END for {len(program.layers)} layers "
            f"and {len(program.tensors)} tensors"
        )


def image_words(program: Program, images: Int8) -> Int8:
    """The words that start a run of each image: int8 (N, C, H, W) → (N, input_words, lanes)."""
    return pack_tensor(images, program.tensor(program.input), program.config.lanes)


def result_range(tensors: Sequence[Tensor], lanes: int) -> tuple[int, int]:
    """(first word, words) of what leaves: from the first tensor to behind the last one in memory."""
    first = min(tensor.address for tensor in tensors)
    return first, max(tensor.address + extent(tensor, lanes) for tensor in tensors) - first


def result_words(program: Program, tensors: Mapping[str, Int8]) -> Int8:
    """The inverse of `result_tensors`; bytes that hold no pixel are zero."""
    lanes = program.config.lanes
    first, count = result_range([program.tensor(name) for name in program.outputs], lanes)
    images = len(tensors[program.output])
    flat = np.zeros((images, count * lanes), np.int8)
    for name in program.outputs:
        flat[:, positions(program.tensor(name), lanes) - first * lanes] = tensors[name]
    return flat.reshape(images, count, lanes)


def result_mask(program: Program) -> npt.NDArray[np.bool_]:
    """Which bytes of a result hold a pixel, bool (result_words, lanes)."""
    shapes = {name: (1, *program.tensor(name).shape) for name in program.outputs}
    return result_words(program, {name: np.ones(shape, np.int8) for name, shape in shapes.items()})[0] != 0


def result_tensors(program: Program, words: Int8) -> dict[str, Int8]:
    """Every output out of the result streams: int8 (N, result_words, lanes) → (N, C, H, W) by name.

    Raises ValueError if the number of words is not the program's.
    """
    run = run_record(program.config).unpack(program.run)
    expected = run["result_words"]
    if words.shape[1:] != (expected, program.config.lanes):
        raise ValueError(
            f"result of shape {words.shape}; expected (images, {expected}, {program.config.lanes})"
        )
    lanes, first = program.config.lanes, run["result_address"]
    flat = words.reshape(len(words), expected * lanes)
    return {name: flat[:, positions(program.tensor(name), lanes) - first * lanes] for name in program.outputs}
