"""Damage is seen: a flipped coefficient as a mismatch, a damaged image as an error code, never a hang."""

from dataclasses import replace

import numpy as np
import pytest

from golden.machine.run import run_program
from golden.spec.arithmetics import coefficient_record
from golden.spec.config import SMALL, TINY
from golden.spec.errors import ErrorCode
from golden.spec.formats import CODE_END, CODE_ZERO
from golden.spec.memories import END_SECTION, Memory, run_record
from golden.spec.program import Program, checksum
from hw.core.accelerator import Accelerator
from sim.backends import compiled
from sim.backends.hardware import make_job
from sim.backends.registry import HARDWARE
from sim.checks.compare import first_mismatch, mismatch_count
from sim.drivers.ports import Job, Recording
from sim.run import run
from tests.sim.programs import Case, random_case


@pytest.fixture(scope="module")
def case() -> Case:
    """A small program whose every coefficient matters less than its place in the image."""
    return random_case(11, TINY)


def _flip_sign(program: Program, engine: int) -> Program:
    """The largest coefficient of the engine's first pairs with its other sign: one bit."""
    record = coefficient_record(program.config)
    half = (1 << record.bits) - 1
    entries = []
    for index, pair in enumerate(program.coefficients[engine][:8]):
        for position in (0, 1):
            code = record.unpack(pair >> position * record.bits & half)["code"]
            entries.append((code & 7 if code & 7 != 7 else -1, index, position))
    exponent, index, position = max(entries)
    assert exponent >= 0
    words = list(program.coefficients[engine])
    words[index] ^= 8 << position * record.bits
    streams = list(program.coefficients)
    streams[engine] = tuple(words)
    return replace(program, coefficients=tuple(streams))


@pytest.mark.parametrize("on", ["icarus", "compiled"])
def test_one_flipped_coefficient_bit_is_a_mismatch(case: Case, on: str) -> None:
    damaged = _flip_sign(case.program, 0)
    result = run(damaged, case.images, on=on)
    assert result.error == ErrorCode.NONE
    found = first_mismatch(case.expected, result, case.program)
    assert found is not None, f"seed {case.seed}"
    output = next(layer.output for layer in case.program.layers if layer.path == found.layer)
    place = (found.image, *found.index)
    assert found.expected == case.expected[output][place] != found.got == result.tensors[output][place]
    assert found.cycle == result.write_cycles[output][place]
    assert str(found) == (
        f"layer {found.layer}, image {found.image}, index {found.index}: "
        f"expected {found.expected}, got {found.got}, cycle {found.cycle}"
    )
    # And the damage means the same to the golden machine, to the last bit.
    assert mismatch_count(run_program(damaged, case.images).tensors, result, case.program) == 0


def _attempt(words: list[int], job: Job) -> Recording:
    """Loads a damaged image, and then, as a host would, the right one; runs no image that is refused."""
    images: list[int] = []
    damaged = replace(job, program=words + job.program)
    recording = HARDWARE["compiled"].simulate(damaged, lambda number, _: images.append(number))
    assert not images
    return recording


@pytest.fixture(scope="module")
def job(case: Case) -> Job:
    """The job of the case."""
    return make_job(case.program, case.images)


def test_flipped_bits_of_the_image_are_errors(job: Job) -> None:
    seed = 5
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    places = [*range(4), len(job.program) - 1, len(job.program) - 2]
    places += [int(place) for place in rng.integers(0, len(job.program), 60)]
    seen = set()
    for place in places:
        words = list(job.program)
        words[place] ^= 1 << int(rng.integers(0, 32))
        # The bits of a section head above the address mean nothing; the checksum still sees them.
        error = _attempt(words, job).error
        assert error != ErrorCode.NONE, f"word {place}"
        seen.add(error)
    assert {ErrorCode.MAGIC, ErrorCode.CONFIGURATION, ErrorCode.CHECKSUM} <= seen


def test_bad_magic(job: Job) -> None:
    assert _attempt([job.program[0] + 1, *job.program[1:]], job).error == ErrorCode.MAGIC


def test_other_configuration(job: Job) -> None:
    words = [job.program[0], SMALL.digest, *job.program[2:]]
    assert _attempt([*words[:-1], checksum(words[:-1])], job).error == ErrorCode.CONFIGURATION


@pytest.mark.parametrize("missing", [1, 2, 7])
def test_truncated_section(job: Job, missing: int) -> None:
    middle = len(job.program) // 2
    error = _attempt(job.program[:middle] + job.program[middle + missing :], job).error
    assert error in (ErrorCode.SECTION, ErrorCode.CHECKSUM)


def test_truncated_image(job: Job) -> None:
    assert _attempt(job.program[: len(job.program) // 2], job).error in (
        ErrorCode.SECTION,
        ErrorCode.CHECKSUM,
    )


@pytest.mark.parametrize(
    ("head", "count"),
    [
        (Memory.RUN + 1 * 2**8, 1),
        (6, 1),
        (Memory.COEFFICIENT + TINY.engines, 1),
        (Memory.TERM, TINY.term_words + 1),
        (Memory.TERM + (TINY.term_words - 1) * 2**8, 2),
        (Memory.FILTER, 0),
    ],
)
def test_section_outside_its_memory(job: Job, head: int, count: int) -> None:
    words = [*job.program[:2], head, count, *[0] * 8, END_SECTION]
    assert _attempt([*words, checksum(words)], job).error == ErrorCode.SECTION


def _with_run(program: Program, **changes: int) -> Program:
    record = run_record(program.config)
    return replace(program, run=record.pack(**(record.unpack(program.run) | changes)))


@pytest.mark.parametrize("on", ["amaranth", "icarus", "compiled"])
def test_a_run_that_takes_too_long_ends_in_timeout(case: Case, on: str) -> None:
    result = run(_with_run(case.program, cycle_limit=50), case.images, on=on)
    assert result.error == ErrorCode.TIMEOUT
    assert result.cycles == ()
    found = first_mismatch(case.expected, result, case.program)
    assert found is not None
    assert found.got is None
    assert str(found).endswith("got nothing")


def _with_first_stream(case: Case, words: tuple[int, ...]) -> Program:
    return replace(case.program, coefficients=(words, *case.program.coefficients[1:]))


def test_stream_that_ends_early_is_an_error(case: Case) -> None:
    end = coefficient_record(TINY).pack(code=CODE_END, slot=0, advance=0)
    words = case.program.coefficients[0]
    result = run(_with_first_stream(case, (end, *words[1:])), case.images, on="compiled")
    assert result.error == ErrorCode.STREAM


def test_stream_without_an_end_is_an_error(case: Case) -> None:
    record = coefficient_record(TINY)
    filler = record.pack(code=CODE_ZERO, slot=0, advance=3)
    words = tuple(filler | filler << record.bits for _ in case.program.coefficients[0])
    result = run(_with_first_stream(case, words), case.images, on="compiled")
    assert result.error in (ErrorCode.STREAM, ErrorCode.TIMEOUT)


def test_illegal_operation_is_an_error(case: Case) -> None:
    damaged = replace(case.program, front=(case.program.front[0] | 3, *case.program.front[1:]))
    assert run(damaged, case.images, on="compiled").error == ErrorCode.INSTRUCTION


def test_an_error_stays_until_reset(job: Job, case: Case) -> None:
    other_job = replace(job, program=job.program)
    with compiled.open_simulator(compiled.build(Accelerator(TINY)), other_job) as simulator:
        assert simulator.load([0], job.limit) == "error"
        assert simulator.load(job.program, 500) == "error"
        assert simulator.error == ErrorCode.MAGIC
    # A new simulator has been reset.
    with compiled.open_simulator(compiled.build(Accelerator(TINY)), other_job) as simulator:
        assert simulator.load(job.program, job.limit) == "done"
