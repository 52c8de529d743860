"""What a simulator drives into the accelerator's ports, and what it sees there."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from golden.spec.config import Config
from golden.spec.errors import ErrorCode, LightDealError

Bytes = npt.NDArray[np.int8]

RESET_CYCLES = 2
"""Cycles that the backends hold the reset before the program is loaded."""


class SimulationError(LightDealError):
    """A simulation that did not end as it must: names the backend, the image and the cycle."""


class ToolError(LightDealError):
    """A program that a backend needs is missing or failed: names it and what to install or read."""


def result_end(where: str, words: int, expected: int) -> str:
    """What a driver says of a result whose last word is not marked, or not the only one that is."""
    if words < expected:
        return f"{where}: the result ends after {words} words; expected {expected}"
    return f"{where}: result word {words} is not marked as the last; expected {expected} words"


def write_type(lanes: int) -> np.dtype[np.void]:
    """One write of the drain into the feature memory, as NumPy and `sim/backends/compiled.cc` lay it out.

    Fields: cycle (from the transfer of the last image word, which is 0), address (in words),
    enable (bit i writes lane i), data (int8, one for each lane).
    """
    size = -(-lanes // 8) * 8
    return np.dtype(
        {
            "names": ["cycle", "address", "enable", "data"],
            "formats": [np.uint32, np.uint32, np.uint64, (np.int8, (lanes,))],
            "offsets": [0, 4, 8, 16],
            "itemsize": 16 + size,
        }
    )


@dataclass(frozen=True)
class Job:
    """One simulation: a program image, then images one after the other.

    Parameters
    ----------
    config: sizes of the accelerator.
    program: 32-bit words of the program stream.
    images: int8 (images, words, lanes), the words of the image stream; the last one of each is marked.
    result_words: words of the result stream of one image.
    cycle_limit: clock cycles that loading, or one image, may take before the simulation fails;
        stalls lengthen it by themselves.
    skip: zero-row skipping on.
    stalls: probability, 0…0.9, that a stream pauses in a cycle: no valid word on the two inputs,
        not ready on the output.
    seed: of the pauses.
    waveform: file for a waveform (VCD) of the first image.
    """

    config: Config
    program: list[int]
    images: Bytes
    result_words: int
    cycle_limit: int
    skip: bool = False
    stalls: float = 0.0
    seed: int = 0
    waveform: Path | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.stalls <= 0.9:
            raise SimulationError(f"stalls = {self.stalls}; legal: 0…0.9")

    @property
    def limit(self) -> int:
        """`cycle_limit`, lengthened for the stalls."""
        transfers = max(len(self.program), self.images.shape[1] + self.result_words)
        return self.cycle_limit + int(transfers * 4 / (1 - self.stalls) ** 2)


@dataclass(frozen=True)
class ImageRecord:
    """What the ports showed for one image.

    Parameters
    ----------
    writes: array of `write_type`, in order of time; also of an image that ended in an error.
    result: int8 (words, lanes), the words of the result stream; fewer after an error.
    cycles: the accelerator's cycle counter after the run.
    load_cycles: clock cycles from the first image word offered to the last one taken.
    """

    writes: npt.NDArray[np.void]
    result: Bytes
    cycles: int
    load_cycles: int


@dataclass(frozen=True)
class Recording:
    """What the ports showed beside the images.

    Parameters
    ----------
    program_cycles: clock cycles from the first program word offered to `loaded`, or to the error.
    error: the error register; not NONE ends a simulation early.
    clocks: clock cycles simulated.
    seconds: wall-clock seconds of the simulator itself: without building it, without `Each`.
    """

    program_cycles: int
    error: ErrorCode
    clocks: int
    seconds: float

    @property
    def speed(self) -> float:
        """Simulated clock cycles per second, in thousands."""
        return self.clocks / max(self.seconds, 1e-9) / 1000


Each = Callable[[int, ImageRecord], None]
"""Called with the number and the record of every image, as soon as the backend has it."""
