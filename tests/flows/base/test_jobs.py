"""Work in processes of their own: results, errors and deaths come back."""

import os
import signal
from functools import partial

import pytest

from flows.base.jobs import JobError, run_jobs
from golden.progress import Progress
from golden.spec.errors import ErrorCode, LightDealError, MachineError, UnsupportedError


def square(value: int, progress: Progress) -> tuple[int, int]:
    """Its result, its process."""
    progress("half", 0.5)
    return value * value, os.getpid()


def threads(progress: Progress) -> int:
    """Of a torch that is loaded here alone: each process that loads it takes seconds."""
    import torch

    return torch.get_num_threads()


def refuse(progress: Progress) -> None:
    raise UnsupportedError("layer x: found y; supported: z")


def die(progress: Progress) -> None:
    os._exit(9)


def starve(progress: Progress) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def stop(progress: Progress) -> None:
    """Raises what cannot be pickled: its constructor takes two values."""
    raise MachineError(ErrorCode.MAGIC, "no program")


class Odd(Exception):
    """Unpickles only with two values."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(one + two)


def stumble(progress: Progress) -> None:
    raise Odd("a", "b")


def test_results_keep_their_names_and_order() -> None:
    jobs = {f"job {number}": partial(square, number) for number in (3, 1, 2)}
    results = run_jobs(jobs, workers=2)
    assert [(name, value[0]) for name, value in results.items()] == [("job 3", 9), ("job 1", 1), ("job 2", 4)]
    assert len({value[1] for value in results.values()} | {os.getpid()}) == 4


def test_a_job_has_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert run_jobs({"threads": threads}) == {"threads": 1}


def test_an_error_of_a_job_is_raised_here() -> None:
    with pytest.raises(UnsupportedError, match="layer x: found y; supported: z"):
        run_jobs({"refusing": refuse})


def test_a_dead_process_is_an_error_and_not_a_hang() -> None:
    with pytest.raises(JobError, match="dying: its process died with exit code 9"):
        run_jobs({"dying": die})
    with pytest.raises(JobError, match=r"hungry: its process died of signal 9 .* fewer --workers"):
        run_jobs({"hungry": starve})


def test_an_error_that_cannot_travel_comes_as_its_text() -> None:
    with pytest.raises(LightDealError, match=r"^MAGIC: no program$") as caught:
        run_jobs({"stopping": stop})
    assert "in stop" in str(caught.value.__cause__)
    with pytest.raises(RuntimeError, match=r"^Odd: ab$"):
        run_jobs({"stumbling": stumble})
