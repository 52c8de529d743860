"""All steps in one go: what each one said, and the exit code of all."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from flows.base.metrics import read_metrics
from flows.base.tools import MissingTool
from flows.cost import everything as all_of_it
from flows.cost.commands import Synth
from flows.cost.everything import Outcome, attempt, outcome_table, stages, unit_totals
from flows.cost.verb import synth
from flows.report import measure
from golden.spec.errors import LightDealError, ProgramError


def leave(path: Path) -> None:
    path.write_text("done")


def lack_a_tool() -> None:
    raise MissingTool("sta is missing: install it with the Debian package opensta")


def find_a_fault() -> None:
    raise LightDealError("engine: gates and RTL differ")


def test_a_step_ends_in_one_of_three_ways(tmp_path: Path) -> None:
    def lack_a_program() -> None:
        raise ProgramError("x.json: missing; make it with: lightdeal arithmetics")

    def nothing(_: str, __: float) -> None:
        """No progress."""

    runs: dict[str, Callable[[], object]] = {"done": partial(leave, tmp_path / "it"), "failed": find_a_fault}
    for name, run in (runs | {"lacks": lack_a_tool, "needs": lack_a_program}).items():
        ended = attempt(run, nothing)
        assert ended.seconds >= 0
        expected = {"lacks": "skipped", "needs": "skipped"}.get(name, name)
        assert ended.state == expected
        assert bool(ended.said) == (name != "done")
    assert (tmp_path / "it").is_file()


@pytest.mark.long
def test_what_is_skipped_is_named_and_what_fails_fails_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    steps = {"power": lack_a_tool, "area": partial(leave, tmp_path / "area")}
    last = {"timing": partial(leave, tmp_path / "timing")}
    monkeypatch.setattr(all_of_it, "stages", lambda _: [{}, steps, last])
    text, well = synth(Synth(out=tmp_path / "out"))
    assert well
    assert "skipped: power: sta is missing: install it with the Debian package opensta" in text
    assert "3 steps: " in text
    assert (tmp_path / "area").is_file()
    assert (tmp_path / "timing").is_file()
    assert (tmp_path / "out/everything.md").read_text().strip() == text.strip()
    assert "ratio.energy.dense: missing" in text  # the report is written all the same
    monkeypatch.setattr(all_of_it, "stages", lambda _: [{"gates": find_a_fault}])
    text, well = synth(Synth(out=tmp_path / "out"))
    assert not well
    assert "failed: gates: engine: gates and RTL differ" in text


def test_every_measurement_and_every_target_is_a_step() -> None:
    first, middle, last = stages(Path("out"))
    assert (*first, *last) == (*measure.FIRST, *measure.AFTER)
    assert set(measure.steps()) == {*first, *last, *(name for name in middle if name in measure.steps())}
    for target in ("ecp5", "ice40", "gowin", "xilinx", "osu018"):
        run = middle[f"SMALL on {target}, by block"]
        assert isinstance(run, partial)
        assert run.args[0].target == target
        assert run.args[0].timing == (target == "osu018")


def test_a_unit_says_its_totals(tmp_path: Path) -> None:
    said = unit_totals(Synth("tiny", "ice40", "pool", out=tmp_path))
    metrics = read_metrics(tmp_path / "ice40-tiny-pool.json")
    sites, flip_flops = (metrics[f"ice40.tiny.pool.{it}"].value for it in ("sites", "flip_flops"))
    assert said.startswith(f"LUT sites {sites:,.0f}, flip-flops {flip_flops:,.0f}")


def test_outcomes_in_a_table() -> None:
    text = outcome_table({"one": Outcome("done", "", 12.4), "two": Outcome("failed", "why", 0.2)})
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "| one | 12 | done |" in lines
    assert "failed: two: why" in lines
