"""The README: its commands exist, its results are the code's own words."""

import re
from pathlib import Path

import pytest

from flows.cli import VERBS, make_parser
from flows.metrics import Metric, write_metrics
from flows.options import ReadmeReport
from flows.readme import BEGIN, END, between, update_readme
from golden.spec.errors import LightDealError

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text()

WORDS = {name.split()[0] for name in VERBS}

FIGURES = [
    "accuracy.float",
    "accuracy.int8",
    "accuracy.po2",
    "accuracy.smartdeal",
    "accuracy.rtl",
    "cycles.dense",
    "cycles.per_image_no_basis",
    "cycles.per_image",
    "cycles.per_image_skipping",
    "cycles.bound",
]


def test_every_command_exists() -> None:
    script = (ROOT / "run").read_text()
    verbs = set(re.findall(r"\./run ([a-z]\w*)", README))
    assert verbs >= {"demo", "test", "compress", "compile", "run", "verilog"}
    for verb in verbs - WORDS:
        assert f"\n{verb})\n" in script, verb


def test_every_option_exists() -> None:
    for line in re.findall(r"^ {4}\./run (.*)$", README, re.MULTILINE):
        words = line.partition("#")[0].split()
        if words[0] in WORDS:
            assert make_parser().parse_args(words)


def test_every_file_exists() -> None:
    for name in re.findall(r"\]\(([\w/.]+)\)|`((?:docs|golden|hw|sim|flows|tests)/[\w/.]*)`", README):
        path = ROOT / (name[0] or name[1])
        assert path.exists(), path


def test_results_are_written_between_the_markers(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"head\n{BEGIN}\nold\n{END}\ntail\n")
    metrics = tmp_path / "demo" / "metrics.json"
    write_metrics([Metric(name, 0.5, "1", "more", "a test") for name in FIGURES], metrics)
    metrics.with_name("report.md").write_text("new\n")
    update_readme(ReadmeReport(metrics, readme))
    first = readme.read_text(), (tmp_path / "docs/results.svg").read_bytes()
    assert first[0] == f"head\n{BEGIN}\n\nnew\n\n{END}\ntail\n"
    assert first[1].startswith(b"<?xml")
    update_readme(ReadmeReport(metrics, readme))
    assert (readme.read_text(), (tmp_path / "docs/results.svg").read_bytes()) == first


def test_markers_must_be_there() -> None:
    with pytest.raises(LightDealError, match=r"readme x: no '<!-- results"):
        between("text", "report", "x")


def test_the_report_must_be_there(tmp_path: Path) -> None:
    write_metrics([], tmp_path / "metrics.json")
    with pytest.raises(LightDealError, match=r"report\.md: missing; run the demo first"):
        update_readme(ReadmeReport(tmp_path / "metrics.json", tmp_path / "README.md"))
