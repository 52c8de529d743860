"""The verb area: from syntheses, here made up, to the kept file, its metrics and its table."""

from pathlib import Path
from typing import Any

import pytest

from flows.base.metrics import read_metrics
from flows.explore import fitted
from flows.explore.area import FITTED, SAVED, AreaModel, dsps_of
from flows.explore.commands import Area as Options
from flows.explore.fitted import FIT_TO, JUDGED_BY, fit_area, is_current, read_model
from flows.explore.memories import clocked_rams
from flows.explore.samples import TESTS
from flows.synth.area import Area
from flows.synth.netlist import Synthesis
from golden.spec.config import Config

MADE = AreaModel({name: 1 + number / 10 for number, name in enumerate((*FITTED, SAVED))})


def made_up(config: Config, dsp: bool, out: Path) -> Synthesis:
    """What MADE says; the first test is a quarter larger with DSP blocks and an eighth without."""
    sites = MADE.sites(config, dsp)
    if config == TESTS[0]:
        sites *= 1.25 if dsp else 1.125
    rams, dsps = clocked_rams(config).block_rams, dsps_of(config) if dsp else 0
    area = Area({}, round(sites), 0, dsps, rams, 0, 0.0)
    return Synthesis("accelerator", "ecp5", dsp, area, {}, (), out / "digest", "yosys", "synth")


def test_the_verb_fits_judges_and_keeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int | None]] = []

    def instead(jobs: dict[str, Any], workers: int | None) -> dict[str, Synthesis]:
        asked.extend((name, workers) for name in jobs)
        return {name: made_up(*job.args) for name, job in jobs.items()}

    monkeypatch.setattr(fitted, "run_jobs", instead)
    options = Options(tmp_path / "model.json", tmp_path / "synth", 2, tmp_path / "out")
    text = fit_area(options)
    assert len(asked) == len({name for name, _ in asked}) == len(FIT_TO) + len(JUDGED_BY)
    assert {workers for _, workers in asked} == {2}
    model, worst = read_model(options.model)
    for config in TESTS:
        for dsp in (False, True):
            assert model.sites(config, dsp) == pytest.approx(MADE.sites(config, dsp), rel=1e-3)
    assert worst == pytest.approx({False: 1 - 1 / 1.125, True: 1 - 1 / 1.25}, abs=1e-3)
    metrics = read_metrics(options.out / "area.json")
    assert metrics["area_model.worst_error"].value == worst[False]
    assert metrics["area_model.worst_error_dsp"].value == worst[True]
    assert metrics["area_model.span"].value > 4
    assert "Worst error of the tests: 11.1 %" in text
    assert "with DSP blocks 20.0 %." in text
    assert (options.out / "area.md").read_text() == text + "\n"
    assert is_current(options.model)
    monkeypatch.setattr(fitted, "SOURCES", ("hw",))
    assert not is_current(options.model), "fitted to other sources"
