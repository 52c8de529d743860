"""The kept area model: what its file says follows from it, and is good enough."""

import json
from dataclasses import replace
from typing import Any

import pytest

from flows.explore.area import fit
from flows.explore.commands import AREA_MODEL
from flows.explore.fitted import FIT_TO, JUDGED_BY, Sample, read_model
from flows.explore.samples import TESTS, TRAINING, WITH_DSP_TESTS, WITH_DSP_TRAINING
from golden.spec.config import Config


def kept_lines(name: str) -> list[dict[str, Any]]:
    """The lines of one table of the kept file."""
    lines: list[dict[str, Any]] = json.loads(AREA_MODEL.read_text())[name]
    return lines


def test_the_tests_are_no_training_and_span_four_times() -> None:
    sizes = {replace(config, name="any") for config in (*TRAINING, *TESTS)}
    assert len(sizes) == len(TRAINING) + len(TESTS)
    assert len(TESTS) == 5
    assert set(WITH_DSP_TRAINING) <= set(TRAINING)
    assert set(WITH_DSP_TESTS) <= set(TESTS)
    sites = [line["sites"] for line in kept_lines("tests") if not line["dsp"]]
    assert max(sites) >= 4 * min(sites)


def test_the_kept_file_is_of_these_samples() -> None:
    def about(samples: tuple[Sample, ...]) -> list[tuple[str, bool]]:
        return [(f"{config.digest:08x}", dsp) for config, dsp in samples]

    for name, samples in (("training", FIT_TO), ("tests", JUDGED_BY)):
        assert [(line["digest"], line["dsp"]) for line in kept_lines(name)] == about(samples)


def test_the_kept_errors_follow_from_the_kept_coefficients() -> None:
    model, worst = read_model(AREA_MODEL)
    sites: dict[tuple[Config, bool], int] = {
        sample: line["sites"]
        for samples, name in ((FIT_TO, "training"), (JUDGED_BY, "tests"))
        for sample, line in zip(samples, kept_lines(name), strict=True)
    }
    for dsp in (False, True):
        errors = [
            model.sites(config, dsp) / sites[config, dsp] - 1
            for config, with_dsp in JUDGED_BY
            if with_dsp == dsp
        ]
        assert worst[dsp] == pytest.approx(max(map(abs, errors)))
        assert worst[dsp] <= 0.10
    again = fit(
        TRAINING,
        [sites[config, False] for config in TRAINING],
        {config: sites[config, True] for config in WITH_DSP_TRAINING},
    )
    assert dict(again.coefficients) == pytest.approx(dict(model.coefficients))


def test_block_rams_and_dsp_blocks_of_the_syntheses_are_predicted() -> None:
    for line in (*kept_lines("training"), *kept_lines("tests")):
        assert line["predicted_block_rams"] == line["block_rams"], line["name"]
        assert line["predicted_dsps"] == line["dsps"], line["name"]
