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
    transposed: the streams of the error pass; none where nothing is sent below.
    runs: parts of that pass, a command each run.
    back_starts: first pair of each of its streams, which follow each other.
    entries: where each place of (filters, rows) stands in the forward stream.
    forward_at: the instruction of each piece of the forward pass.
    gradient_at: the first instruction, 0 where there is no such pass.
    error_at: first instruction of each run.
    """

    forward: Stream
    starts: list[int]
    transposed: list[Stream]
    runs: tuple[tuple[BackPart, ...], ...]
    back_starts: list[int]
    entries: Entries
    forward_at: dict[PassPiece, int]
    gradient_at: int
    error_at: tuple[int, ...]
