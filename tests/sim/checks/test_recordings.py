"""What a simulator recorded becomes a Result, or is told: a recorder that is made up stands for one."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pytest

from golden.machine.result import Result
from golden.machine.tensors import pack_tensor
from golden.machine.writes import trace_program
from golden.spec.config import TINY
from golden.spec.errors import ErrorCode
from sim.backends.hardware import Hardware, make_job
from sim.backends.protocol import Conditions
from sim.backends.registry import BACKENDS
from sim.checks.compare import first_mismatch
from sim.drivers.ports import Each, ImageRecord, Job, Recording, SimulationError, write_type
from sim.run import run
from tests.sim.programs import Case, random_case

Change = Callable[[ImageRecord], ImageRecord]


@pytest.fixture(scope="module")
def case() -> Case:
    return random_case(11, TINY, images=3)


@dataclass
class Simulator:
    """Records what golden writes, changed for some images; stops after an image with an error."""

    case: Case
    changes: dict[int, Change] = field(default_factory=dict)
    error: ErrorCode = ErrorCode.NONE

    def __call__(self, job: Job, each: Each) -> Recording:
        program, images = self.case.program, self.case.images
        lanes = program.config.lanes
        trace = trace_program(program, images)
        result = pack_tensor(self.case.expected[program.output], program.tensor(program.output), lanes)
        enable = (trace.enable * (np.uint64(1) << np.arange(lanes, dtype=np.uint64))).sum(axis=1)
        for number in range(len(images)):
            writes = np.zeros(len(trace.address), write_type(lanes))
            writes["cycle"] = np.arange(len(writes)) + 10
            writes["address"], writes["enable"], writes["data"] = trace.address, enable, trace.data[number]
            record = ImageRecord(writes, result[number], 100 + number, 7 + number % 2)
            change = self.changes.get(number)
            each(number, record if change is None else change(record))
        return Recording(5, self.error, 1000, 0.5)


def _run(simulator: Simulator, on_image: Callable[[int], None] | None = None) -> Result:
    backend = Hardware("compiled", simulator)
    return backend.run(simulator.case.program, simulator.case.images, Conditions(), on_image)


def _byte(case: Case) -> tuple[int, int]:
    """(word, lane) of the result that holds a pixel of the output: the last one."""
    tensor = case.program.tensor(case.program.output)
    channels, height, width = tensor.shape
    word, lane = tensor.position(channels - 1, height - 1, width - 1, case.program.config.lanes)
    return word - tensor.address, lane


def _last_write(case: Case) -> int:
    """Number of the write that the last pixel of the output comes with: later ones hold no pixel."""
    word, lane = _byte(case)
    trace = trace_program(case.program, case.images)
    address = word + case.program.tensor(case.program.output).address
    return int(np.flatnonzero((trace.address == address) & trace.enable[:, lane])[-1])


def test_a_right_recording(case: Case) -> None:
    seen: list[int] = []
    result = _run(Simulator(case), on_image=seen.append)
    assert seen == [0, 1, 2]
    assert first_mismatch(case.expected, result, case.program) is None
    assert (result.backend, result.cycles, result.load_cycles) == ("compiled", (100, 101, 102), 8)
    assert (result.error, result.seconds) == (ErrorCode.NONE, 0.5)
    output = case.program.output
    assert result.last_write[output] == (10 + _last_write(case),) * 3


@pytest.mark.parametrize("image", [0, 2])
def test_a_result_stream_that_differs_from_the_writes_is_told(case: Case, image: int) -> None:
    word, lane = _byte(case)

    def flip(record: ImageRecord) -> ImageRecord:
        record.result[word, lane] ^= 1
        return record

    written = int(case.expected[case.program.output][image, -1, -1, -1])
    channels, height, width = case.program.tensor(case.program.output).shape
    with pytest.raises(SimulationError) as error:
        _run(Simulator(case, {image: flip}))
    assert str(error.value) == (
        f"compiled: image {image}: the result stream gives {written ^ 1} at index "
        f"{(channels - 1, height - 1, width - 1)} of {case.program.output!r}, but {written} was written"
    )


def test_a_write_too_many_is_told(case: Case) -> None:
    def again(record: ImageRecord) -> ImageRecord:
        return replace(record, writes=np.append(record.writes, record.writes[-1:]))

    count = len(trace_program(case.program, case.images).address)
    with pytest.raises(SimulationError) as error:
        _run(Simulator(case, {1: again}))
    assert str(error.value) == f"compiled: image 1: {count + 1} writes; the program makes {count}"


def test_a_missing_write_is_a_mismatch_without_a_cycle(case: Case) -> None:
    def cut(record: ImageRecord) -> ImageRecord:
        return replace(record, writes=record.writes[: _last_write(case)], result=record.result[:0])

    result = _run(Simulator(case, {2: cut}, ErrorCode.TIMEOUT))
    assert result.error == ErrorCode.TIMEOUT
    # The image that ended in the error has no count of cycles.
    assert result.cycles == (100, 101)
    found = first_mismatch(case.expected, result, case.program)
    assert found is not None
    assert (found.image, found.got, found.cycle) == (2, None, None)
    output: npt.NDArray[np.uint32] = result.write_cycles[case.program.output]
    assert (output[2] == 0).any()
    assert (output[:2] > 0).all()


def test_golden_reports_each_image_once(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("golden.machine.run._BATCH", 2)
    seen: list[int] = []
    run(case.program, case.images, on_image=seen.append)
    assert seen == [0, 1, 2]


def test_options_reach_the_job(case: Case) -> None:
    job = make_job(case.program, case.images, skip=True, stalls=0.25, seed=9)
    assert (job.skip, job.stalls, job.seed) == (True, 0.25, 9)
    plain = make_job(case.program, case.images)
    assert (plain.skip, plain.stalls) == (False, 0.0)
    # Four cycles a transfer, which may wait for either side: pauses on both lengthen it twice.
    transfers = 4 * max(len(job.program), job.images.shape[1] + job.result_words)
    assert plain.limit == plain.cycle_limit + transfers
    assert job.limit == plain.cycle_limit + int(transfers / 0.75**2)


@pytest.mark.parametrize("stalls", [-0.1, 0.95, 1.0])
def test_stalls_that_never_end_are_refused(case: Case, stalls: float) -> None:
    with pytest.raises(SimulationError, match=rf"^stalls = {stalls}; legal: 0…0\.9$"):
        make_job(case.program, case.images, stalls=stalls)


def test_unknown_backends_are_named(case: Case) -> None:
    with pytest.raises(SimulationError) as error:
        run(case.program, case.images, on="vcs")
    assert str(error.value) == f"backend 'vcs'; legal: {', '.join(BACKENDS)}"
