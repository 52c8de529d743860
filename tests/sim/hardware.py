"""The compiled accelerator for many short programs: each design is elaborated and built once."""

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from golden.compiler import compile_network
from golden.cycles.timing import count_cycles
from golden.graph.network import Network
from golden.graph.reference import run_network
from golden.machine.tensors import image_words, result_tensors
from golden.machine.writes import trace_program
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


def check_run(
    network: Network, config: Config, images: npt.NDArray[np.int8], stalls: float, where: str
) -> Program:
    """Images one after the other, zero rows skipped and not: every write and the result equal golden, to the
    bit, and the cycles the model's.

    Parameters
    ----------
    where: begins the text of a difference.
    """
    program = compile_network(network, config)
    expected = run_network(network, images)
    golden = trace_program(program, images)
    lane = np.arange(config.lanes, dtype=np.uint64)
    for skip in (False, True):
        records, error = run_images(program, images, skip, stalls, seed=len(images))
        assert error == ErrorCode.NONE, where
        for number, (status, record) in enumerate(records):
            assert status == "done", where
            writes = record.writes
            enable = (writes["enable"][:, None] >> lane & np.uint64(1)).astype(bool)
            np.testing.assert_array_equal(writes["address"], golden.address, where)
            np.testing.assert_array_equal(enable, golden.enable, where)
            np.testing.assert_array_equal(writes["data"] * enable, golden.data[number], where)
            outputs = result_tensors(program, record.result[None])
            assert tuple(outputs) == network.outputs
            for name, (output,) in outputs.items():
                np.testing.assert_array_equal(output, expected[name][number], f"{where}, {name}")
            tensors = {name: values[number : number + 1] for name, values in expected.items()}
            model = count_cycles(program, tensors if skip else None)
            assert record.cycles == model.cycles, f"{where}, skip {skip}, image {number}"
    return program
