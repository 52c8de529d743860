"""Fitting the area model to syntheses, and judging it by others; the kept file."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from flows.explore.area import AreaModel, fit
from flows.explore.memories import clocked_rams
from flows.explore.samples import TESTS, TRAINING
from flows.files import write_whole
from flows.metrics import Metric, table, write_metrics
from flows.options import Area
from flows.progress import say, step
from flows.provenance import commit
from flows.synth.netlist import Synthesis, synthesise
from flows.units import make_unit
from golden.spec.config import Config
from golden.spec.errors import LightDealError

UNIT = "accelerator"


def synthesised(config: Config, out: Path) -> Synthesis:
    """The flattened accelerator on ECP5 without DSP blocks, or its kept result."""
    return synthesise(make_unit(UNIT, config), UNIT, "ecp5", dsp=False, out=out)


def fit_area(options: Area) -> str:
    """Synthesise the samples, fit the model to those for training and judge it by the others.

    Writes `options.model`, which `explore` reads, and area.md and area.json (metrics) in
    `options.out`. Returns the text of area.md.
    """
    results: dict[str, Synthesis] = {}
    for config in (*TRAINING, *TESTS):
        with step(f"synthesis of {config.name}"):
            results[config.name] = synthesised(config, options.synth)
    model = fit(TRAINING, [results[config.name].area.sites for config in TRAINING])
    training, tests = (_compare(model, configs, results) for configs in (TRAINING, TESTS))
    worst = max(abs(line["error"]) for line in tests)
    span = max(line["sites"] for line in tests) / min(line["sites"] for line in tests)
    some = results[TESTS[0].name]
    about = {
        "coefficients": dict(model.coefficients),
        "commit": commit("hw", "golden/spec", "flows/explore", "flows/synth"),
        "versions": some.versions,
        "command": some.command,
        "training": training,
        "tests": tests,
        "worst_error": worst,
        "span": span,
    }
    write_whole(options.model, json.dumps(about, indent=1) + "\n")
    where = (
        f"largest relative error of {len(TESTS)} accelerators that the fit has not seen; "
        f"{some.versions}: {some.command}"
    )
    write_metrics(
        [
            Metric("area_model.worst_error", worst, "1", "less", where),
            Metric("area_model.span", span, "1", "more", "sites of the largest of them ÷ the smallest"),
        ],
        options.out / "area.json",
    )
    text = "\n\n".join(
        [
            _table("fitted to", training),
            _table("judged by", tests),
            f"Worst error of the tests: {100 * worst:.1f} %, over {span:.1f} times in size.",
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
    model: AreaModel, configs: Sequence[Config], results: dict[str, Synthesis]
) -> list[dict[str, Any]]:
    lines = []
    for config in configs:
        found = results[config.name].area
        predicted = model.sites(config)
        lines.append(
            {
                "config": {name: str(value) for name, value in asdict(config).items()},
                "digest": f"{config.digest:08x}",
                "sites": found.sites,
                "predicted": round(predicted, 1),
                "error": predicted / found.sites - 1,
                "block_rams": found.block_rams,
                "predicted_block_rams": clocked_rams(config).block_rams,
                "synthesis": results[config.name].folder.name,
            }
        )
    return lines


def _table(name: str, lines: Sequence[dict[str, Any]]) -> str:
    return table(
        [name, "sites", "model", "error", "block RAMs", "model"],
        [
            [
                line["config"]["name"],
                f"{line['sites']:,}",
                f"{line['predicted']:,.0f}",
                f"{100 * line['error']:+.1f} %",
                line["block_rams"],
                line["predicted_block_rams"],
            ]
            for line in lines
        ],
    )


def read_model(path: Path) -> tuple[AreaModel, float]:
    """The kept model and its worst error. Raises LightDealError if the file holds none."""
    try:
        about = json.loads(path.read_text())
        return AreaModel(about["coefficients"]), float(about["worst_error"])
    except OSError as error:
        raise LightDealError(
            f"area model {path}: cannot be read: {error.strerror}; make it with `lightdeal area`"
        ) from error
    except (ValueError, TypeError, KeyError) as error:
        raise LightDealError(
            f"area model {path}: not a fitted model ({error}); make it with `lightdeal area`"
        ) from error
