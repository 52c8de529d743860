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
    """

    first: int
    tiles: int
    positions: tuple[int, ...]


def back_parts(below: Tensor, kernel: int, stride: int, array: ArrayShape) -> tuple[BackPart, ...]:
    """A part for each phase plane, where that saves steps and keeps the order of random bits: rounds of
    channels come before words, so there may be but one. Else one part.
    """
    degree = below.degree[0]
    whole = BackPart(0, below.stride, tuple(range(kernel**2)))
    if degree != stride or below.shape[0] > array.round_filters(below.shape[0]):
        return (whole,)
    pad, tiles = kernel // 2, below.stride // degree**2
    parts = []
    for plane in range(degree**2):
        phase = divmod(plane, degree)
        reached = tuple(
            position
            for position in range(kernel**2)
            if all(
                (at + pad - k) % stride == 0 for at, k in zip(phase, divmod(position, kernel), strict=True)
            )
        )
        parts.append(BackPart(plane * tiles, tiles, reached))
    return tuple(parts) if all(part.positions for part in parts) else (whole,)


def back_streams(
    codes: Int64, mask: npt.NDArray[np.bool_], parts: tuple[BackPart, ...], array: ArrayShape
) -> list[Stream]:
    """The transposed codes of each part.

    Parameters
    ----------
    codes, mask: (channels, filters, kernel positions).
    """
    return [
        stream(codes[:, :, part.positions].reshape(len(codes), -1), _rows(mask, part), array)
        for part in parts
    ]


def back_entries(
    streams: list[Stream], starts: list[list[int]], parts: tuple[BackPart, ...], mask: npt.NDArray[np.bool_]
) -> Entries:
    """Where each place of (channels, filters, kernel positions) stands; starts: of each stream's rounds."""
    engine, entry = np.full(mask.shape, -1), np.full(mask.shape, -1)
    for it, start, part in zip(streams, starts, parts, strict=True):
        found = entry_numbers(it, start, _rows(mask, part).size)
        shape = (*mask.shape[:2], len(part.positions))
        engine[:, :, part.positions] = found.engine.reshape(shape)
        entry[:, :, part.positions] = found.entry.reshape(shape)
    return Entries(engine.reshape(-1), entry.reshape(-1))


def _rows(mask: npt.NDArray[np.bool_], part: BackPart) -> npt.NDArray[np.bool_]:
    return mask[:, :, part.positions].reshape(len(mask), -1)
