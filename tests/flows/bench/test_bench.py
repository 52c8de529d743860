"""What the benchmark measures, says and leaves, on something small."""

import functools
import os
from pathlib import Path

import pytest

from flows.base.metrics import Metric, read_metrics
from flows.bench import verb
from flows.bench.commands import Bench
from flows.user.verilog import accelerator_verilog
from golden.spec.config import TINY, Config
from golden.spec.errors import LightDealError
from hw.core.accelerator import Accelerator
from sim.backends import compiled
from sim.backends.hardware import make_job
from sim.backends.translator import Translator
from sim.drivers.ports import Job
from tests.sim.programs import random_case


@functools.cache
def library(config: Config, by: Translator | None) -> Path:
    """A simulator that other tests have built, too."""
    return compiled.build(Accelerator(config), waveform=by is not None, by=by)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """TINY in the place of SMALL, with simulators that other tests have built."""

    def built(config: Config, folder: Path, by: Translator | None = None) -> tuple[Path, float]:
        return library(config, by), 2.5

    def job(config: Config, images: int) -> Job:
        case = random_case(11, config)
        return make_job(case.program, case.images[:images])

    monkeypatch.setattr(verb, "SMALL", TINY)
    monkeypatch.setattr(verb, "build_seconds", built)
    monkeypatch.setattr(verb, "digits_job", job)


def test_metrics_and_table(small: None, tmp_path: Path) -> None:
    said = verb.bench(Bench(images=1, times=1, default=False, demo=False, out=tmp_path))
    metrics = read_metrics(tmp_path / "metrics.json")
    assert list(metrics) == [
        "cpu_s.verilog_small",
        "lines.verilog_small",
        "build_s.small",
        "sim.kcycles_per_cpu_s",
        "sim.over_cxxrtl",
    ]
    assert all(it.value > 0 for it in metrics.values())
    assert metrics["lines.verilog_small"].value == len(accelerator_verilog(TINY).splitlines())
    assert metrics["build_s.small"].value == 2.5
    assert metrics["build_s.small"].source.endswith("by Verilator")
    assert "digits network, 1 images, small, by Verilator" in metrics["sim.kcycles_per_cpu_s"].source
    assert (tmp_path / "bench.md").read_text() == said + "\n"
    assert "| sim.over_cxxrtl" in said


def test_the_ratio_is_of_the_fastest_runs(
    small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verb, "accelerator_verilog", lambda config: "")
    speeds = iter([600.0, 250.0, 900.0, 300.0, 800.0, 200.0])
    monkeypatch.setattr(verb, "speed", lambda library, job: next(speeds))
    verb.bench(Bench(images=1, times=3, default=False, demo=False, out=tmp_path))
    metrics = read_metrics(tmp_path / "metrics.json")
    assert metrics["sim.kcycles_per_cpu_s"].value == 900
    assert metrics["sim.over_cxxrtl"].value == 3
    assert "by CXXRTL: 300 kHz" in metrics["sim.over_cxxrtl"].source


def test_bars_against_what_is_wanted() -> None:
    text = verb.report(
        [
            Metric("build_s.small", 30.0, "s", "less", "here"),
            Metric("sim.over_cxxrtl", 9.0, "1", "more", "there"),
            Metric("sim.kcycles_per_cpu_s", 800.0, "kHz", "more", "everywhere"),
        ]
    )
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()[2:]]
    assert [row[3] for row in rows] == ["≤ 60", "≥ 3", ""]
    assert [row[4].count("█") for row in rows] == [13, 40, 0]


def test_processor_seconds_are_those_of_children_too(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([os.times_result((1.0, 2.0, 3.0, 4.0, 50.0)), os.times_result((1.5, 3.0, 5.0, 8.0, 99.0))])
    monkeypatch.setattr(os, "times", lambda: next(times))
    assert verb.measured(lambda: "made") == ("made", 7.5)


def test_a_demo_that_fails_is_told_and_leaves_nothing(
    small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verb, "accelerator_verilog", lambda config: "")
    monkeypatch.setattr(verb, "_DEMO", "import sys; print('words'); sys.exit('no room')")
    with pytest.raises(LightDealError, match=r"^the demo failed:\nwords\nno room$"):
        verb.bench(Bench(images=1, times=1, default=False, out=tmp_path / "bench"))
    assert list(tmp_path.iterdir()) == []
