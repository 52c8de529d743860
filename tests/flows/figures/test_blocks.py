"""Blocks of made-up metrics: what is shown is what is kept, and what is missing is named."""

from pathlib import Path
from typing import Any

import pytest

from flows.base.metrics import Metric
from flows.figures.blocks import BLOCKS
from flows.figures.groups import GROUPS
from flows.figures.kept import RESULTS, Kept, network_file, take
from flows.studies import study
from flows.studies.commands import Table
from flows.studies.training import Outcome
from golden.compress.patterns import patterns
from golden.graph import network_file as network_files
from golden.spec.config import SMALL

ROOT = Path(__file__).parents[3]
MADE = {"date": "2026-01-02", "packages": {"pyosys": "1.2"}, "processor": "some processor"}
LINE = "Measured 2026-01-02, pyosys 1.2, code abcdefgh."


def kept(values: dict[str, float]) -> Kept:
    metrics = {name: Metric(name, value, "1", "more", "a test") for name, value in values.items()}
    return Kept(metrics, MADE, (), "abcdefghijklmnop")


def routed(prefix: str) -> dict[str, float]:
    return {f"{prefix}.fmax_mhz": 83.821, f"{prefix}.used.LUT": 1234, f"{prefix}.part.LUT": 5678}


def test_what_is_missing_is_named_with_its_command() -> None:
    for name in ("results", "accuracy", "ecp5", "board", "up5k", "gowin", "patterns", "lightnorm-area"):
        assert BLOCKS[name]({}).startswith("Not measured: `./run ")
    lines = BLOCKS["costs"]({"ecp5": kept(routed("ecp5.small.accelerator"))}).splitlines()
    assert lines[0] == f"* ECP5 of speed grade 6: 83.8 MHz after place and route. {LINE}"
    assert [line.startswith("* Not measured: `./run arithmetics") for line in lines] == [False, True, True]
    assert len(set(lines)) == len(lines)


def test_ratios_stand_with_their_network() -> None:
    def ratios(data: str, first: float) -> dict[str, float]:
        names = [f"{it}.{of}" for it in ("smartdeal", "no_basis") for of in ("lut_cycles", "energy")]
        return {f"ratio.{data}.{name}": first + number for number, name in enumerate(names)}

    adder = {"lut4_per_adder": 117.4, "dsps_per_adder": 0.5, "lut4_per_adder_no_dsp": 160.2}
    report = kept(ratios("digits", 1.26) | {f"ecp5.small.{name}": it for name, it in adder.items()})
    text = BLOCKS["costs"]({"report": report, "report_fashion": kept(ratios("fashion-mnist", 5.26))})
    assert "117 LUT4 sites with 0.5 DSP blocks, 160 without" in text
    digits, fashion = text.splitlines()[2:]
    assert digits.startswith("* Digits")
    assert "1.3 times fewer" in digits
    assert "2.3 times less" in digits
    assert "3.3 and 4.3 times" in digits
    assert fashion.startswith("* Fashion-MNIST")
    assert "5.3 times fewer" in fashion
    assert "7.3 and 8.3 times" in fashion


@pytest.mark.parametrize(
    ("block", "group", "prefix"),
    [
        ("ecp5", "ecp5", "ecp5.small.accelerator"),
        ("gowin", "gowin", "gowin.tiny.engine.nodsp"),
    ],
)
def test_what_the_router_says_is_shown(block: str, group: str, prefix: str) -> None:
    text = " ".join(BLOCKS[block]({group: kept(routed(prefix))}).split())
    assert "| LUT | 1,234 | 5,678 |" in text
    assert "| 83.82 MHz | |" in text
    assert text.endswith(LINE)
    assert all(next(it for it in GROUPS if it.name == group).keeps(name) for name in routed(prefix))


def test_the_table_of_patterns_is_the_studys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the study's own files, with the kept network of the demo in the place of every training."""
    demo = next(group for group in GROUPS if group.name == "demo")
    network = network_files.load(network_file(demo, demo.networks[0], ROOT / RESULTS))
    rows = list(patterns((0.4, 0.2)))

    def run_jobs(jobs: dict[str, Any]) -> dict[str, Any]:
        outcomes = {name: Outcome(number / 100, None, network, 0.25) for number, name in enumerate(jobs)}
        return dict.fromkeys(jobs, b"") if len(jobs) == 1 else outcomes

    monkeypatch.setattr(study, "run_jobs", run_jobs)
    text = study.pattern_table(Table(densities=(0.4, 0.2), config=SMALL.name, out=tmp_path / "table"))
    found = take(next(group for group in GROUPS if group.name == "patterns"), tmp_path)
    assert isinstance(found, Kept), found
    assert found.values[f"table.{rows[3]}.accuracy"] == 0.03
    block = BLOCKS["patterns"]({"patterns": found})
    assert block.endswith(text)
    assert block.startswith("Accuracy on test images of digits, mean over the seeds 1…1. Measured ")
