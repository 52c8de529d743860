"""Where the parts of a layer that learns are, in streams and instructions."""

from dataclasses import dataclass

from golden.device.streams import Entries, Stream


@dataclass(frozen=True)
class LayerPlan:
    """Where the parts of a layer's passes are.

    Parameters
    ----------
    forward, transposed: the streams; none transposed where nothing is sent below.
    starts, back_starts: first pair of each of their rounds.
    entries: where each place of (filters, rows) stands in the forward stream.
    forward_at, error_at: their instructions; the gradient pass has an instruction of its own,
        gradient_at.  0 where there is no such pass.
    """

    forward: Stream
    transposed: Stream | None
    starts: list[int]
    back_starts: list[int]
    entries: Entries
    forward_at: int
    gradient_at: int
    error_at: int
