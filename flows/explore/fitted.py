"""Fitting the area model to syntheses, and judging it by others; the kept file."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from flows.base.files import write_whole
from flows.base.jobs import run_jobs
from flows.base.metrics import Metric, table, write_metrics
from flows.base.progress import say, step
from flows.base.provenance import commit
from flows.base.units import make_unit
from flows.explore.area import FITTED, SAVED, AreaModel, dsps_of, fit
from flows.explore.commands import Area
from flows.explore.memories import clocked_rams
from flows.explore.points import code_digest
from flows.explore.samples import TESTS, TRAINING, WITH_DSP_TESTS, WITH_DSP_TRAINING
from flows.synth.netlist import Synthesis, synthesise
from golden.progress import Progress
from golden.spec.config import Config
from golden.spec.errors import LightDealError

UNIT = "accelerator"
SOURCES = ("hw", "golden/spec", "flows/synth")
"""What decides a synthesis."""

Sample = tuple[Config, bool]
"""Configuration; with DSP blocks."""

FIT_TO: tuple[Sample, ...] = (
    *((config, False) for config in TRAINING),
    *((config, True) for config in WITH_DSP_TRAINING),
)
JUDGED_BY: tuple[Sample, ...] = (
    *((config, False) for config in TESTS),
    *((config, True) for config in WITH_DSP_TESTS),
)


def synthesised(config: Config, dsp: bool, out: Path, progress: Progress) -> Synthesis:
    """The flattened accelerator on ECP5, or its kept result; a job for `flows.base.jobs.run_jobs`."""
    progress("synthesis", 0.0)
    return synthesise(make_unit(UNIT, config), UNIT, "ecp5", dsp=dsp, out=out)


def sample_name(config: Config, dsp: bool) -> str:
    """What a table calls it."""
    return f"{config.name}, DSP" if dsp else config.name


def fit_area(options: Area) -> str:
    """Synthesise the samples, fit the model to those for training and judge it by the others.

    Writes `options.model`, which `explore` reads, and area.md and area.json (metrics) in
    `options.out`. Finished syntheses are kept in `options.synth`, so that a killed run goes on.
    Returns the text of area.md.
    """
    samples = {sample_name(*it): it for it in (*FIT_TO, *JUDGED_BY)}
    with step(f"{len(samples)} syntheses, or their kept results in {options.synth}"):
        jobs = {name: partial(synthesised, *it, options.synth) for name, it in samples.items()}
        found = run_jobs(jobs, options.workers)
    results: dict[Sample, Synthesis] = {samples[name]: it for name, it in found.items()}
    model = fit(
        TRAINING,
        [results[config, False].area.sites for config in TRAINING],
        {config: results[config, True].area.sites for config in WITH_DSP_TRAINING},
    )
    training, tests = (_compare(model, them, results) for them in (FIT_TO, JUDGED_BY))
    judged = {dsp: [line for line in tests if line["dsp"] == dsp] for dsp in (False, True)}
    worst, worst_dsp = (max(abs(line["error"]) for line in judged[dsp]) for dsp in (False, True))
    sites = [line["sites"] for line in judged[False]]
    span = max(sites) / min(sites)
    some = results[JUDGED_BY[0]]
    about = {
        "coefficients": dict(model.coefficients),
        "commit": commit(*SOURCES, "flows/explore"),
        "sources": code_digest(SOURCES),
        "versions": some.versions,
        "command": some.command,
        "training": training,
        "tests": tests,
        "worst_error": worst,
        "worst_error_dsp": worst_dsp,
        "span": span,
    }
    write_whole(options.model, json.dumps(about, indent=1) + "\n")
    where = f"accelerators that the fit has not seen; {some.versions}: {some.command}"
    write_metrics(
        [
            Metric("area_model.worst_error", worst, "1", "less", f"largest relative error of {where}"),
            Metric(
                "area_model.worst_error_dsp",
                worst_dsp,
                "1",
                "less",
                f"largest relative error of {len(WITH_DSP_TESTS)} of them with DSP blocks",
            ),
            Metric("area_model.span", span, "1", "more", "sites of the largest of them ÷ the smallest"),
        ],
        options.out / "area.json",
    )
    text = "\n\n".join(
        [
            _table("fitted to", training),
            _table("judged by", tests),
            f"Worst error of the tests: {100 * worst:.1f} %, over {span:.1f} times in size; "
            f"with DSP blocks {100 * worst_dsp:.1f} %.",
            table(
                ["term", "coefficient"],
                [[name, f"{value:.4g}"] for name, value in model.coefficients.items()],
            ),
        ]
    )
    say(f"area model: {options.model}")
    write_whole(options.out / "area.md", text + "\n")
    return text


def _compare(
    model: AreaModel, samples: Sequence[Sample], results: Mapping[Sample, Synthesis]
) -> list[dict[str, Any]]:
    lines = []
    for config, dsp in samples:
        found = results[config, dsp].area
        predicted = model.sites(config, dsp)
        lines.append(
            {
                "name": sample_name(config, dsp),
                "config": {name: str(value) for name, value in asdict(config).items()},
                "digest": f"{config.digest:08x}",
                "dsp": dsp,
                "sites": found.sites,
                "predicted": round(predicted, 1),
                "error": predicted / found.sites - 1,
                "block_rams": found.block_rams,
                "predicted_block_rams": clocked_rams(config).block_rams,
                "dsps": found.dsps,
                "predicted_dsps": dsps_of(config) if dsp else 0,
                "synthesis": results[config, dsp].folder.name,
            }
        )
    return lines


def _table(name: str, lines: Sequence[dict[str, Any]]) -> str:
    return table(
        [name, "sites", "model", "error", "block RAMs", "model", "DSPs", "model"],
        [
            [
                line["name"],
                f"{line['sites']:,}",
                f"{line['predicted']:,.0f}",
                f"{100 * line['error']:+.1f} %",
                line["block_rams"],
                line["predicted_block_rams"],
                line["dsps"],
                line["predicted_dsps"],
            ]
            for line in lines
        ],
    )


def is_current(path: Path) -> bool:
    """Whether a kept model was fitted to this hardware; one that `read_model` takes."""
    return bool(json.loads(path.read_text()).get("sources") == code_digest(SOURCES))


def read_model(path: Path) -> tuple[AreaModel, dict[bool, float]]:
    """The kept model, and its worst error without and with DSP blocks.

    Raises LightDealError if the file holds none.
    """
    again = "make it with `lightdeal area`"
    try:
        about = json.loads(path.read_text())
        coefficients = {name: float(about["coefficients"][name]) for name in (*FITTED, SAVED)}
        return AreaModel(coefficients), {
            False: float(about["worst_error"]),
            True: float(about["worst_error_dsp"]),
        }
    except OSError as error:
        raise LightDealError(f"area model {path}: cannot be read: {error.strerror}; {again}") from error
    except json.JSONDecodeError as error:
        raise LightDealError(f"area model {path}: not JSON: {error}; {again}") from error
    except KeyError as error:
        raise LightDealError(f"area model {path}: {error} is missing; {again}") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise LightDealError(f"area model {path}: not a fitted model ({error}); {again}") from error
