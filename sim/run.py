"""One question to golden and hardware alike: what does this Program make of these images?"""

from collections.abc import Callable
from pathlib import Path

from golden.machine.result import Result
from golden.spec.config import Config
from golden.spec.program import Program
from sim.backends.protocol import Conditions, Int8
from sim.backends.registry import backend


def run(
    program: Program,
    images: Int8,
    on: str = "golden",
    skip: bool = False,
    stalls: float = 0.0,
    seed: int = 0,
    on_image: Callable[[int], None] | None = None,
    waveform: Path | None = None,
    config: Config | None = None,
) -> Result:
    """Runs images through a Program on a backend.

    Parameters
    ----------
    images: int8 (images, channels, height, width) of the program's input tensor.
    on: a name of `sim.backends.registry.BACKENDS`.
    skip: zero-row skipping on; golden gives the same values either way.
    stalls, seed: pauses of the streams (`sim.drivers.ports.Job`); they change no value and no cycle count.
    on_image: called with the number of each image as it ends.
    waveform: file for a waveform (VCD) of the first image; amaranth and compiled.
    config: sizes of the hardware; those of the program unless given.

    Returns a Result with every layer's output as the drain wrote it. After an error of the
    hardware, `error` says which, and the tensors end with the image in which it happened.
    Raises ProgramError if `config` differs from the program's, or if the words of the program do not agree
    with its tensors and layers; SimulationError for an unknown backend, a hang, or a result that differs
    from what was written; ToolError if a tool is missing; ValueError if images have another dtype or
    shape.
    """
    chosen = backend(on)
    program.demand_config(config or program.config)
    return chosen.run(program, images, Conditions(skip, stalls, seed, waveform), on_image)
