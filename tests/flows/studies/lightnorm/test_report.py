"""The report of LightNorm: its figures come from the files, and what is missing is said."""

from pathlib import Path

import pytest

from flows.base.metrics import Metric, read_metrics, write_metrics
from flows.studies.lightnorm import area
from flows.studies.lightnorm.commands import LightNormReport, LightNormScreen, LightNormTrain
from flows.studies.lightnorm.report import report
from flows.studies.lightnorm.runs import keep_all
from flows.studies.lightnorm.settings import SCREENED, confirmation, screening
from flows.studies.lightnorm.study import compared, confirm, screen
from flows.synth.area import Area
from flows.synth.netlist import Synthesis
from tests.flows.studies.lightnorm.kept import keep

SCREEN, TRAIN = LightNormScreen(), LightNormTrain()
TRAININGS = [
    *screening(SCREEN.images, SCREEN.epochs),
    *confirmation(TRAIN.images, TRAIN.epochs, range(1, TRAIN.seeds + 1)),
]


def options(folder: Path) -> LightNormReport:
    return LightNormReport(folder / "runs", folder / "rtl.json", folder / "synth", folder / "out")


def test_nothing_is_made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(area, "UNITS", {})
    text = report(options(tmp_path))
    assert "Missing: 6 trainings" in text
    assert "`lightdeal lightnorm train`" in text
    assert "`lightdeal lightnorm screen`" in text
    assert "Missing: lightnorm, batchnorm-fp32, batchnorm-bf16: no such unit in flows/base/units.py" in text
    assert "Missing: lightnorm.rtl_beats, lightnorm.rtl_mismatches" in text
    metrics = read_metrics(tmp_path / "out" / "metrics.json")
    assert set(metrics) == {"lightnorm.bits_per_element.g4", "lightnorm.bits_per_element.g32_fused"}


def test_figures_come_from_files_and_syntheses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(TRAININGS, tmp_path / "runs", light=0.4, batch=0.5)
    ports = [
        Metric("lightnorm.rtl_beats", 123456, "1", "more", "a run"),
        Metric("lightnorm.rtl_mismatches", 0, "1", "less", "a run"),
        Metric("lightnorm.bits_per_element.g4", 48.25, "bit", "less", "ports"),
    ]
    write_metrics(ports, tmp_path / "rtl.json")
    areas = {"lightnorm": 100.0, "batchnorm_fp32": 450.0, "batchnorm_bf16": 210.0}

    def synthesise(unit: None, name: str, target: str, out: Path) -> Synthesis:
        asic = target == "osu018"
        counts = Area({}, 0 if asic else 11, 13, 0 if asic else 17, 0, 0, areas[name] if asic else 0.0)
        return Synthesis(name, target, not asic, counts, {}, (), out, "a tool", "a command")

    monkeypatch.setattr(area, "UNITS", area.NORMS)
    monkeypatch.setattr(area, "make_unit", lambda name, config: None)
    monkeypatch.setattr(area, "synthesise", synthesise)
    text = report(options(tmp_path))
    assert "Missing" not in text
    found = {name: metric.value for name, metric in read_metrics(tmp_path / "out/metrics.json").items()}
    # Seeds 1, 2, 3 add 0.1, 0.2, 0.3.
    assert found["lightnorm.accuracy"] == pytest.approx(0.6)
    assert found["batchnorm.accuracy"] == pytest.approx(0.7)
    assert found["lightnorm.bits_per_element.g4"] == 48.25
    assert found["lightnorm.bits_per_element.g32_fused"] == 34.03125
    assert found["batchnorm_bf16.cell_area"] == 210
    assert found["lightnorm.rtl_beats"] == 123456
    assert "-10.00" in text
    assert "4.50 (4 wanted)" in text
    assert [found[f"lightnorm.{name}"] for name in ("luts", "flip_flops", "dsps")] == [11, 13, 17]
    assert "123,456 beats, 0 mismatches" in text
    plots = {path.name: path.read_bytes() for path in (tmp_path / "out").glob("*.svg")}
    assert set(plots) == {"accuracy.svg", "screening.svg", "traffic.svg", "area.svg"}
    assert {path.stem for path in (tmp_path / "out").glob("*.png")} == {
        "accuracy",
        "screening",
        "traffic",
        "area",
    }
    assert report(options(tmp_path)) == text
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").glob("*.svg")} == plots


def test_studies_read_what_is_kept(tmp_path: Path) -> None:
    """Nothing is trained, as everything is there; it differs from what the repository keeps, if anything."""
    keep(TRAININGS, tmp_path, light=0.4, batch=0.5)
    text, _ = confirm(LightNormTrain(out=tmp_path))
    assert "mean" in text
    assert "-10.00" in text
    text, _ = screen(LightNormScreen(out=tmp_path))
    assert text.count("| pixels ") + text.count("| channels ") == len(SCREENED)


def test_results_of_another_folder_are_compared(tmp_path: Path) -> None:
    some = TRAININGS[:2]
    keep(some, tmp_path / "new")
    keep(some[:1], tmp_path / "old")
    results = keep_all(some, tmp_path / "new", 1)
    assert compared(results, tmp_path / "new", tmp_path / "new") == ("", True)
    text, same = compared(results, tmp_path / "new", tmp_path / "old")
    assert same
    assert f"{some[0].name}: as kept" in text
    assert f"{some[1].name}: nothing is kept in" in text
    keep(some[1:], tmp_path / "old", batch=0.25)
    text, same = compared(results, tmp_path / "new", tmp_path / "old")
    assert not same
    assert f"{some[1].name}: test 0.6; kept: 0.35, with the same versions" in text
