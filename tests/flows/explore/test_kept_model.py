"""The kept area model: what its file says follows from it, and is good enough."""

import json
from dataclasses import replace

import pytest

from flows.explore.area import fit
from flows.explore.fitted import read_model
from flows.explore.samples import TESTS, TRAINING
from flows.options import AREA_MODEL


def test_the_tests_are_no_training_and_span_four_times() -> None:
    sizes = {replace(config, name="") for config in (*TRAINING, *TESTS)}
    assert len(sizes) == len(TRAINING) + len(TESTS)
    assert len(TESTS) == 5
    kept = json.loads(AREA_MODEL.read_text())
    sites = [line["sites"] for line in kept["tests"]]
    assert max(sites) >= 4 * min(sites)
    assert [line["digest"] for line in kept["tests"]] == [f"{config.digest:08x}" for config in TESTS]


def test_the_kept_errors_follow_from_the_kept_coefficients() -> None:
    model, worst = read_model(AREA_MODEL)
    kept = json.loads(AREA_MODEL.read_text())
    errors = [
        model.sites(config) / line["sites"] - 1 for config, line in zip(TESTS, kept["tests"], strict=True)
    ]
    assert worst == pytest.approx(max(map(abs, errors)))
    assert worst <= 0.10
    again = fit(TRAINING, [line["sites"] for line in kept["training"]])
    assert dict(again.coefficients) == pytest.approx(dict(model.coefficients))


def test_block_rams_of_the_syntheses_are_predicted() -> None:
    for line in (kept := json.loads(AREA_MODEL.read_text()))["training"] + kept["tests"]:
        assert line["predicted_block_rams"] == line["block_rams"], line["config"]["name"]
