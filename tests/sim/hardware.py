"""The compiled accelerator for many short programs: each design is elaborated and built once."""

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from golden.machine.tensors import image_words
from golden.spec.config import Config
from golden.spec.errors import ErrorCode
from golden.spec.memories import run_record
from golden.spec.program import Program
from hw.core.accelerator import Accelerator
from sim.backends.compiled import CompiledSimulator, build
from sim.drivers.ports import ImageRecord

SLACK = 20_000
"""Clock cycles for loading, image and result, beside a program's own cycle limit."""


@cache
def library(config: Config) -> Path:
    """The built design of a configuration."""
    return build(Accelerator(config))


def run_images(
    program: Program,
    images: npt.NDArray[np.int8],
    skip: bool = False,
    stalls: float = 0.0,
    seed: int = 0,
) -> tuple[list[tuple[str, ImageRecord]], ErrorCode]:
    """Runs images one after the other until an error.

    Returns for each image how it ended ("done", "error", or "limit": hung) with its record, and the
    error register. Raises AssertionError if the program is not accepted.
    """
    run = run_record(program.config).unpack(program.run)
    simulator = CompiledSimulator(library(program.config), program.config.lanes, skip, stalls, seed)
    try:
        assert simulator.load(program.image(), SLACK) == "done"
        records = []
        for words in image_words(program, images):
            limit = run["cycle_limit"] + SLACK
            records.append(simulator.run(words, run["result_words"], limit))
            if simulator.error:
                break
        return records, simulator.error
    finally:
        simulator.close()
