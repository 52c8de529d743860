"""The error pass of a layer in parts: each phase plane below is reached by kernel positions of its own."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from golden.device.streams import Entries, Stream, entry_numbers, stream
from golden.spec.learning import ArrayShape
from golden.spec.tensor import Tensor

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class BackPart:
    """Tiles of the map below, and who reaches them.

    Parameters
    ----------
    first, tiles: of each channel.  positions: of the kernel, in order.
    stream: number of the stream with their codes; parts with the same positions have the same one.
    """

    first: int
    tiles: int
    positions: tuple[int, ...]
    stream: int = 0


def back_parts(
    below: Tensor, kernel: int, stride: int, array: ArrayShape, runs: int | None = None
) -> tuple[BackPart, ...]:
    """A part for each phase plane, where that saves steps and keeps the order of random bits: rounds of
    channels come before words, so there may be but one. Else one part.

    runs: `part_runs` may be so many at most; None: any number.
    """
    degree = below.degree[0]
    whole = BackPart(0, below.stride, tuple(range(kernel**2)))
    if stride == 1 or degree % stride or below.shape[0] > array.round_filters(below.shape[0]):
        return (whole,)
    pad, tiles = kernel // 2, below.stride // degree**2
    parts = []
    for plane in range(degree**2):
        row, column = (place % stride for place in divmod(plane, degree))
        reached = tuple(
            position
            for position in range(kernel**2)
            if all(
                (at + pad - k) % stride == 0
                for at, k in zip((row, column), divmod(position, kernel), strict=True)
            )
        )
        parts.append(BackPart(plane * tiles, tiles, reached, row * stride + column))
    found = tuple(parts)
    many = runs is not None and len(part_runs(found)) > runs
    return (whole,) if many or not all(part.positions for part in found) else found


def part_runs(parts: tuple[BackPart, ...]) -> tuple[tuple[BackPart, ...], ...]:
    """Parts in order, whose streams follow each other as far as they can: a command for each run."""
    runs: list[list[BackPart]] = []
    for part in parts:
        if runs and part.stream == runs[-1][-1].stream + 1:
            runs[-1].append(part)
        else:
            runs.append([part])
    return tuple(tuple(run) for run in runs)


def back_streams(
    codes: Int64, mask: npt.NDArray[np.bool_], parts: tuple[BackPart, ...], array: ArrayShape
) -> list[Stream]:
    """The transposed codes of the parts, by the numbers of their streams.

    Parameters
    ----------
    codes, mask: (channels, filters, kernel positions).
    """
    return [
        stream(codes[:, :, part.positions].reshape(len(codes), -1), _rows(mask, part), array)
        for part in _of_streams(parts)
    ]


def back_entries(
    streams: list[Stream], starts: list[list[int]], parts: tuple[BackPart, ...], mask: npt.NDArray[np.bool_]
) -> Entries:
    """Where each place of (channels, filters, kernel positions) stands; starts: of each stream's rounds."""
    engine, entry = np.full(mask.shape, -1), np.full(mask.shape, -1)
    for it, start, part in zip(streams, starts, _of_streams(parts), strict=True):
        found = entry_numbers(it, start, _rows(mask, part).size)
        shape = (*mask.shape[:2], len(part.positions))
        engine[:, :, part.positions] = found.engine.reshape(shape)
        entry[:, :, part.positions] = found.entry.reshape(shape)
    return Entries(engine.reshape(-1), entry.reshape(-1))


def _of_streams(parts: tuple[BackPart, ...]) -> list[BackPart]:
    """A part of each stream, in the order of their numbers."""
    return sorted({part.stream: part for part in parts}.values(), key=lambda part: part.stream)


def _rows(mask: npt.NDArray[np.bool_], part: BackPart) -> npt.NDArray[np.bool_]:
    return mask[:, :, part.positions].reshape(len(mask), -1)
