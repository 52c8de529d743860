"""Images of wrong lengths, refused programs and resets at any time: what follows them is right again."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from golden.compiler import compile_network
from golden.machine.run import run_frames
from golden.machine.tensors import image_words
from golden.spec.config import TINY
from golden.spec.errors import ErrorCode
from golden.spec.memories import END_SECTION, run_record
from golden.spec.program import MAGIC, Program, checksum
from sim.backends.compiled import CompiledSimulator
from tests.golden.networks import random_images, random_network
from tests.sim.hardware import SLACK, library

Int8 = npt.NDArray[np.int8]
SEED = 11
LIMIT = 60_000


class Case:
    """A program, the frames of some images, and the result of each."""

    def __init__(self) -> None:
        print(f"seed {SEED}")
        rng = np.random.default_rng(SEED)
        network = random_network(rng, TINY)
        self.program: Program = compile_network(network, TINY)
        self.frames = image_words(self.program, random_images(rng, network, 3))
        self.results = run_frames(self.program, self.frames)

    def runs(self, simulator: CompiledSimulator, number: int) -> None:
        """One right image gives its result."""
        status, record = simulator.run(self.frames[number], self.results.shape[1], LIMIT)
        assert (status, simulator.error) == ("done", ErrorCode.NONE)
        np.testing.assert_array_equal(record.result, self.results[number])

    def loads(self, simulator: CompiledSimulator) -> None:
        assert simulator.load(self.program.image(), SLACK) == "done"


@pytest.fixture(scope="module")
def case() -> Case:
    return Case()


@pytest.fixture(params=[0.0, 0.5], ids=["steady", "stalls"])
def simulator(request: pytest.FixtureRequest) -> Iterator[CompiledSimulator]:
    simulator = CompiledSimulator(library(TINY), TINY.lanes, False, request.param, SEED)
    yield simulator
    simulator.close()


def test_frames_of_wrong_lengths_between_right_ones(case: Case, simulator: CompiledSimulator) -> None:
    case.loads(simulator)
    words = case.frames.shape[1]
    rng = np.random.default_rng(SEED)
    for length in (words - 1, words + 1, 1, 3 * words, words - 1, words - 1, words + 1, words + 1, 2 * words):
        frame = rng.integers(-128, 128, (length, TINY.lanes)).astype(np.int8)
        status, record = simulator.run(frame, case.results.shape[1], LIMIT)
        code = ErrorCode.SHORT_IMAGE if length < words else ErrorCode.LONG_IMAGE
        assert (status, simulator.error) == ("error", code), length
        # Nothing ran, nothing was sent.
        assert not len(record.writes)
        if length != 1:
            for number in range(2):
                case.runs(simulator, number)
        else:
            # A program clears the code as a run does.
            case.loads(simulator)
            assert simulator.error == ErrorCode.NONE


def _images_that_are_refused(program: Program) -> dict[str, list[int]]:
    record = run_record(TINY)
    word = record.unpack(program.run)
    changes = {
        "no image": {"input_words": 0},
        "no result": {"result_words": 0},
        "beyond the end": {"result_address": TINY.feature_words - 1, "result_words": 2},
    }
    images = {
        name: replace(program, run=record.pack(**word | change)).image() for name, change in changes.items()
    }
    shortest = [MAGIC, TINY.digest, END_SECTION]
    return images | {"shortest": [*shortest, checksum(shortest)]}


def test_refused_programs_are_followed_by_right_ones(case: Case, simulator: CompiledSimulator) -> None:
    for name, image in _images_that_are_refused(case.program).items():
        for _ in range(2):
            assert simulator.load(image, SLACK) == "error", name
            assert simulator.error == ErrorCode.PROGRAM
        case.loads(simulator)
        for number in range(2):
            case.runs(simulator, number)
        # No image is taken after a refusal, whatever was loaded before.
        assert simulator.load(image, SLACK) == "error"
        status, record = simulator.run(case.frames[0], 1, 10 * len(case.frames[0]))
        assert (status, len(record.writes)) == ("limit", 0)
        assert simulator.error == ErrorCode.PROGRAM
        simulator.reset()


def _halting(program: Program) -> dict[ErrorCode, list[int]]:
    """For each code that stops the machine, an image that leads to it at loading or in the run."""
    record = run_record(TINY)
    right = program.image()
    timeout = replace(program, run=record.pack(**record.unpack(program.run) | {"cycle_limit": 30}))
    illegal = replace(program, front=(program.front[0] | 3, *program.front[1:]))
    stream = replace(program, coefficients=((0xF, *program.coefficients[0][1:]), *program.coefficients[1:]))
    return {
        ErrorCode.MAGIC: [right[0] ^ 1, *right[1:]],
        ErrorCode.CONFIGURATION: [right[0], right[1] ^ 1, *right[2:]],
        ErrorCode.SECTION: [*right[:2], 0xFE, *right[3:]],
        ErrorCode.CHECKSUM: [*right[:-1], right[-1] ^ 1],
        ErrorCode.INSTRUCTION: illegal.image(),
        ErrorCode.STREAM: stream.image(),
        ErrorCode.TIMEOUT: timeout.image(),
    }


def test_errors_that_stop_the_machine_stay_until_reset(case: Case, simulator: CompiledSimulator) -> None:
    for code, image in _halting(case.program).items():
        assert not code.recovers
        if simulator.load(image, SLACK) == "done":
            status, _ = simulator.run(case.frames[0], case.results.shape[1], LIMIT)
            assert status == "error"
        assert simulator.error == code
        # Neither a right program nor an image changes that.
        assert simulator.load(case.program.image(), SLACK) == "error"
        assert simulator.run(case.frames[0], case.results.shape[1], SLACK)[0] == "error"
        assert simulator.error == code
        simulator.reset()
        assert simulator.error == ErrorCode.NONE
        case.loads(simulator)
        for number in range(2):
            case.runs(simulator, number)


def test_a_reset_at_any_time(case: Case, simulator: CompiledSimulator) -> None:
    """In a program, in an image, in a run, in a result."""
    program = case.program.image()
    words = case.frames.shape[1]
    for cut in (1, 2, 5, len(program) // 2, len(program) - 1):
        assert simulator.load(program, cut) == "limit"
        simulator.reset()
        # What was loaded before is gone: no image is taken.
        assert simulator.run(case.frames[0], 1, 3 * words)[0] == "limit"
        simulator.reset()
        case.loads(simulator)
        case.runs(simulator, 0)
    case.runs(simulator, 1)
    status, _ = simulator.run(case.frames[0], case.results.shape[1], LIMIT)
    whole = simulator.cycles
    assert status == "done"
    ends = []
    for cut in (1, words // 2, words + 2, words + 40, whole // 2, whole - 20, whole - 3):
        ends.append(simulator.run(case.frames[0], case.results.shape[1], cut)[0])
        simulator.reset()
        case.loads(simulator)
        for number in (1, 2):
            case.runs(simulator, number)
    # With stalls the last one may be done already.
    assert ends[:5] == ["limit"] * 5
    assert set(ends) <= {"limit", "done"}
