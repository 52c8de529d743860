"""What every backend answers: what does this Program make of these images?"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from golden.machine.result import Result
from golden.spec.program import Program

Int8 = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Conditions:
    """How a Program is run. None of them changes a value.

    Parameters
    ----------
    skip: zero-row skipping on.
    stalls, seed: pauses of the streams (`sim.drivers.ports.Job`).
    waveform: file for a waveform (VCD) of the first image, where the backend makes some.
    """

    skip: bool = False
    stalls: float = 0.0
    seed: int = 0
    waveform: Path | None = None


class Backend(Protocol):
    """What runs a Program."""

    @property
    def name(self) -> str:
        """The backend's name, for people and for `--on`."""

    def run(
        self, program: Program, images: Int8, conditions: Conditions, on_image: Callable[[int], None] | None
    ) -> Result:
        """Every layer's output, cycles and error of int8 images (images, channels, height, width).

        `on_image` is called with the number of each image as it ends.
        """
