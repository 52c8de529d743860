"""Random networks through all machines, and the faults that they would see."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flows.base.metrics import read_metrics
from flows.fuzz import verb
from flows.fuzz.commands import Fuzz
from flows.fuzz.networks import roomy
from flows.fuzz.verb import Case, draw, fuzz
from golden.machine.result import Result
from golden.machine.run import run_program
from golden.spec.config import TINY, Config
from golden.spec.errors import ErrorCode
from golden.spec.program import Program

OPTIONS = {
    "addition",
    "concatenation",
    "reads a concatenation",
    "max pooling",
    "average pooling with several divisors",
    "depthwise",
    "gate",
    "table",
    "2 outputs",
}


@pytest.mark.parametrize("rtl", [4, pytest.param(20, marks=pytest.mark.long)])
def test_all_machines_agree(rtl: int, tmp_path: Path) -> None:
    text, good = fuzz(Fuzz(networks=20, rtl=rtl, out=tmp_path))
    assert good, text
    metrics = read_metrics(tmp_path / "metrics.json")
    assert [metrics[f"fuzz.{name}"].value for name in ("networks", "rtl", "mismatches")] == [20, rtl, 0]
    for option in OPTIONS:
        assert f"| {option} " in text


def test_a_seed_gives_one_network() -> None:
    one, other = (draw(7, roomy(TINY)) for _ in range(2))
    assert one.program == other.program


def _wrong_value(program: Program, images: np.ndarray) -> Result:
    result = run_program(program, images)
    name = program.layers[-1].output
    return replace(result, tensors={**result.tensors, name: result.tensors[name] + np.int8(1)})


def _stopped(program: Program, images: np.ndarray) -> Result:
    return replace(run_program(program, images), error=ErrorCode.STREAM)


@pytest.mark.parametrize(
    ("machine", "words"),
    [
        (_wrong_value, "reference and golden machine differ in"),
        (_stopped, "the golden machine stops with STREAM"),
    ],
)
def test_what_differs_is_told_by_its_seed(
    machine: Callable[[Program, np.ndarray], Result],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(verb, "run_program", machine)
    text, good = fuzz(Fuzz(networks=2, rtl=0, seed=5, out=tmp_path))
    assert not good
    assert f"seed 5: {words}" in text
    assert read_metrics(tmp_path / "metrics.json")["fuzz.mismatches"].value >= 2


def test_a_run_that_was_stopped_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = Fuzz(networks=5, rtl=0, seed=11, out=tmp_path / "whole")
    whole = fuzz(options)
    monkeypatch.setattr(verb, "KEPT", 2)
    drawn = []

    def stopped(seed: int, config: Config) -> Case:
        drawn.append(seed)
        if drawn == [11, 12, 13, 14]:
            raise KeyboardInterrupt
        return draw(seed, config)

    monkeypatch.setattr(verb, "draw", stopped)
    again = replace(options, out=tmp_path / "again")
    with pytest.raises(KeyboardInterrupt):
        fuzz(again)
    del drawn[:]
    fuzz(again)
    assert drawn == [13, 14, 15]
    assert (tmp_path / "again/fuzz.md").read_text() == (tmp_path / "whole/fuzz.md").read_text()
    assert whole[1]
    # It is done: the next one begins at the beginning.
    del drawn[:]
    fuzz(replace(again, networks=1))
    assert drawn == [11]
