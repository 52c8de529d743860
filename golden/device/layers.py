"""Where the parts of a layer that learns are, in streams and instructions."""

from dataclasses import dataclass

from golden.device.ahead import PassPiece
from golden.device.back_parts import BackPart
from golden.device.streams import Entries, Stream


@dataclass(frozen=True)
class LayerPlan:
    """Where the parts of a layer's passes are.

    Parameters
    ----------
    forward: the stream.  starts: first pair of each of its rounds.
    transposed: the streams of the parts of the error pass; none where nothing is sent below.
    parts: of that pass.  back_start: first pair of its streams, which follow each other.
    entries: where each place of (filters, rows) stands in the forward stream.
    forward_at: the instruction of each piece of the forward pass.
    error_at, gradient_at: the first instructions of these passes, 0 where there is no such pass.
    """

    forward: Stream
    starts: list[int]
    transposed: list[Stream]
    parts: tuple[BackPart, ...]
    back_start: int
    entries: Entries
    forward_at: dict[PassPiece, int]
    gradient_at: int
    error_at: int
