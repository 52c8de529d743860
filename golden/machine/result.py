"""What every backend gives back for a Program: golden, cycle model, Amaranth, Verilog."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from golden.spec.errors import ErrorCode


@dataclass(frozen=True)
class Mismatch:
    """The first place where a backend differs from golden.

    Parameters
    ----------
    layer: path of the layer, or the tensor's name.
    image: number of the image in the batch.
    index: (channel, row, column).
    expected, got: the two values; `got` is None if the value was never written.
    cycle: cycle of the write within the image's run, or None where a backend has no cycles.
    """

    layer: str
    image: int
    index: tuple[int, int, int]
    expected: int
    got: int | None
    cycle: int | None

    def __str__(self) -> str:
        got = "nothing" if self.got is None else str(self.got)
        when = "" if self.cycle is None else f", cycle {self.cycle}"
        return (
            f"layer {self.layer}, image {self.image}, index {self.index}: "
            f"expected {self.expected}, got {got}{when}"
        )


@dataclass(frozen=True)
class Result:
    """The outcome of running images through a Program.

    Parameters
    ----------
    backend: name of what ran it.
    tensors: tensor name → int8 array (images, channels, height, width); every layer's output.
    cycles: cycles of each image from the last image word to the last result word computed, empty
        where the backend has no clock.
    load_cycles: cycles that loading one image took, 0 where the backend has no clock.
    error: the hardware's error register after the last image.
    last_write: tensor name → per image, cycle of its last written word (may be empty).
    write_cycles: tensor name → uint32 array of the tensor's shape, cycle in which each value was
        written, 0 for a value that was never written (may be empty).
    seconds: wall-clock seconds of the run itself.
    """

    backend: str
    tensors: Mapping[str, Any]
    cycles: tuple[int, ...] = ()
    load_cycles: int = 0
    error: ErrorCode = ErrorCode.NONE
    last_write: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    write_cycles: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
