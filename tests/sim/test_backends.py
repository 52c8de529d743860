"""One program on all backends: every tensor of every layer, and every cycle."""

from dataclasses import replace
from itertools import takewhile
from pathlib import Path

import numpy as np
import pytest
from vcd.reader import TokenKind, tokenize

from golden.cycles.timing import count_cycles
from golden.spec.config import SMALL, TINY
from golden.spec.errors import ErrorCode, ProgramError
from sim.backends.hardware import make_job
from sim.backends.registry import HARDWARE
from sim.checks.compare import first_mismatch, mismatch_count, values_compared
from sim.drivers.ports import SimulationError
from sim.run import run
from tests.selection import first_or_long
from tests.sim.programs import Case, random_case


@pytest.fixture(scope="module")
def case() -> Case:
    """Six layers: plain and factored weights, a residual, pooling, a fully connected layer."""
    return random_case(11, TINY)


@pytest.mark.parametrize(
    ("skip", "stalls"),
    [
        (False, 0.0),
        (True, 0.4),
        *(pytest.param(*it, marks=pytest.mark.long) for it in ((False, 0.4), (True, 0.0))),
    ],
)
@pytest.mark.parametrize("on", HARDWARE)
def test_hardware_equals_golden(case: Case, on: str, skip: bool, stalls: float) -> None:
    result = run(case.program, case.images, on=on, skip=skip, stalls=stalls, seed=case.seed)
    assert result.error == ErrorCode.NONE
    assert result.backend == on
    assert first_mismatch(case.expected, result, case.program) is None, f"seed {case.seed}"
    for number, cycles in enumerate(result.cycles):
        tensors = {name: values[number : number + 1] for name, values in case.expected.items()}
        # Pauses of the streams lie outside the run, so they change no cycle of it.
        assert cycles == count_cycles(case.program, tensors if skip else None).cycles
    if not stalls:
        words = case.program.tensor(case.program.input).words(TINY.lanes) * case.images.shape[1]
        assert result.load_cycles == words
    for name, last in result.last_write.items():
        cycles_of_values = np.asarray(result.write_cycles[name]).reshape(len(case.images), -1)
        assert last == tuple(cycles_of_values.max(axis=1))
        assert cycles_of_values.min() > 0


def test_golden_is_a_backend(case: Case) -> None:
    seen: list[int] = []
    result = run(case.program, case.images, on_image=seen.append)
    assert first_mismatch(case.expected, result, case.program) is None
    assert mismatch_count(case.expected, result, case.program) == 0
    sizes = [case.expected[layer.output].size for layer in case.program.layers]
    assert values_compared(case.expected, case.program) == sum(sizes)
    assert seen == [0, 1]


def test_images_are_reported_as_they_end(case: Case) -> None:
    seen: list[int] = []
    run(case.program, case.images, on="compiled", on_image=seen.append)
    assert seen == [0, 1]


@pytest.mark.parametrize("on", HARDWARE)
def test_a_result_of_another_length_is_seen_by_its_mark(case: Case, on: str) -> None:
    """The driver expects a word more or less than the accelerator marks as the last one.

    hls4ml#282: a DMA that waits for a mark hangs on the board, where a bench that counts words does not.
    """
    job = make_job(case.program, case.images)
    words = job.result_words
    for expected, text in (
        (words + 1, f"the result ends after {words} words; expected {words + 1}"),
        (words - 1, f"result word {words - 1} is not marked as the last; expected {words - 1} words"),
    ):
        found = r"did not end as it must in \d+ cycles: mark" if on == "compiled" else f": {text}"
        with pytest.raises(SimulationError, match=f"^{on}: image 0{' ' if on == 'compiled' else ''}{found}$"):
            HARDWARE[on].simulate(replace(job, result_words=expected), lambda *_: None)


@pytest.mark.parametrize("on", ["amaranth", "icarus", "compiled"])
def test_no_driver_waits_for_ever(case: Case, on: str) -> None:
    """finn#659, finn-plus#102: half a program never becomes `loaded`, and no image begins."""
    job = make_job(case.program, case.images)
    half = replace(job, program=job.program[: len(job.program) // 2], cycle_limit=100)
    with pytest.raises(SimulationError, match=rf"^{on}: loading did not end in \d+ cycles"):
        HARDWARE[on].simulate(half, lambda *_: pytest.fail("an image has begun"))


@pytest.mark.parametrize("on", first_or_long(["compiled", "amaranth"]))
def test_waveform_of_the_first_image(case: Case, on: str, tmp_path: Path) -> None:
    """pyvcd#27: names that others cannot read; its own reader reads these."""
    path = tmp_path / "image.vcd"
    result = run(case.program, case.images, on=on, waveform=path)
    assert first_mismatch(case.expected, result, case.program) is None
    text = path.read_text()
    with path.open("rb") as file:
        tokens = takewhile(lambda it: it.kind is not TokenKind.ENDDEFINITIONS, tokenize(file))
        names = {it.var.reference for it in tokens if it.kind is TokenKind.VAR}
    assert "trace__address" in names
    assert len(names) > 100
    assert [file.name for file in tmp_path.iterdir()] == ["image.vcd"]
    times = [int(line[1:]) for line in text.splitlines() if line.startswith("#")]
    assert times == sorted(times)
    assert len(times) > result.cycles[0]


def test_cocotb_makes_no_waveform(case: Case, tmp_path: Path) -> None:
    with pytest.raises(SimulationError, match="icarus: no waveform here; use amaranth or compiled"):
        run(case.program, case.images, on="icarus", waveform=tmp_path / "image.vcd")


def test_unknown_backend(case: Case) -> None:
    with pytest.raises(
        SimulationError, match="backend 'vcs'; legal: golden, amaranth, icarus, verilator, compiled"
    ):
        run(case.program, case.images, on="vcs")


def test_program_of_another_configuration(case: Case) -> None:
    with pytest.raises(ProgramError, match=r"compiled for configuration 'tiny'.*not for 'small'"):
        run(case.program, case.images, on="compiled", config=SMALL)


def test_wrong_images(case: Case) -> None:
    with pytest.raises(ValueError, match="expected int8 of shape"):
        run(case.program, case.images.astype(np.int16), on="compiled")


def test_impossible_stalls(case: Case) -> None:
    with pytest.raises(SimulationError, match=r"stalls = 1.0; legal: 0…0.9"):
        run(case.program, case.images, on="compiled", stalls=1.0)


def test_digest_stays_with_the_sizes(case: Case) -> None:
    renamed = replace(TINY, name="another")
    result = run(case.program, case.images, on="golden", config=renamed)
    assert first_mismatch(case.expected, result, case.program) is None
