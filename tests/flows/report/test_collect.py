"""Collecting metrics, and what follows from them."""

from pathlib import Path

import pytest

from flows.base.kept import code, digest, kept
from flows.base.metrics import Metric, write_metrics
from flows.report.collect import FMAX, collect, derived


def measured(values: dict[str, float]) -> dict[str, Metric]:
    return {name: Metric(name, value, "1", "less", "test") for name, value in values.items()}


def test_ratios_follow_from_their_parts() -> None:
    found = measured(
        {
            "digits.int8.cycles": 20_000.0,
            "digits.smartdeal.cycles": 5_000.0,
            "ecp5.small.int8.sites": 30_000.0,
            "ecp5.small.smartdeal.sites": 24_000.0,
            "digits.int8.energy": 90.0,
            "digits.smartdeal.energy": 30.0,
            "digits.rebuild.energy": 60.0,
            FMAX: 100.0,
            "digits.smartdeal.words": 5.0,
        }
    )
    made = {metric.name: metric for metric in derived(found)}
    assert made["ratio.lut_cycles.dense"].value == pytest.approx(4 * 30 / 24)
    assert made["ratio.lut_cycles.dense"].source == "digits.int8.lut_cycles ÷ digits.smartdeal.lut_cycles"
    assert made["digits.smartdeal.lut_cycles"].value == 24_000 * 5_000
    assert made["ratio.energy.dense"].value == 3
    assert made["ratio.energy.rebuild"].value == 2
    assert made["digits.smartdeal.latency"].value == 50
    assert made["digits.smartdeal.throughput"].value == pytest.approx(1e8 / 5_005)


def test_a_formula_without_its_parts_gives_nothing() -> None:
    found = measured({"digits.int8.cycles": 20_000.0, "digits.int8.energy": 90.0})
    assert [metric.name for metric in derived(found)] == []


def test_collects_what_other_verbs_left(tmp_path: Path) -> None:
    def only(*names: str) -> list[Metric]:
        return list(measured(dict.fromkeys(names, 7.0)).values())

    write_metrics(only("ecp5.small.accelerator.fmax_mhz"), tmp_path / "synth/ecp5-small-accelerator.json")
    write_metrics(only("area_model.worst_error"), tmp_path / "explore/area.json")
    write_metrics(only("lightnorm.accuracy", "lightnorm.else"), tmp_path / "lightnorm/metrics.json")
    kept(tmp_path / "report/measured", "step", "key", lambda: only("digits.int8.cycles"))
    found = {metric.name for metric in collect(tmp_path)}
    assert {
        FMAX,
        "area_model.worst_error",
        "lightnorm.accuracy",
        "digits.int8.cycles",
        "digits.int8.latency",
    } <= found
    assert "lightnorm.else" not in found


def test_nothing_is_collected_from_nothing_but_the_peers(tmp_path: Path) -> None:
    assert {metric.name.partition(".")[0] for metric in collect(tmp_path)} == {"peers"}


def test_a_kept_step_is_not_repeated(tmp_path: Path) -> None:
    calls = []

    def make() -> list[Metric]:
        calls.append(1)
        return [Metric("one", float(len(calls)), "1", "less", "test")]

    for key, value in (("a", 1), ("a", 1), ("b", 2), ("b", 2)):
        assert kept(tmp_path, "step", key, make)[0].value == value
    assert len(calls) == 2


def test_digests_tell_parts_apart() -> None:
    assert digest("ab", "c") != digest("a", "bc")
    assert digest("a") == digest(b"a")
    assert code("flows/report") != code("flows/base/kept.py")
