"""Which code a report says that it was measured on, and when it does not say any."""

from pathlib import Path

import pytest

from flows.base.provenance import is_current, write_provenance
from flows.base.roots import ARITHMETICS, REPORT
from flows.figures.groups import GROUPS
from flows.report.commands import FullReport
from flows.report.measure import POWER, steps
from flows.report.verb import note_sources
from golden.spec.config import SMALL

FASHION = "network fashion-mnist"


@pytest.mark.parametrize(
    ("left_out", "programs", "expected"),
    [
        ([], ["digits", "fashion-mnist"], ["about-fashion-mnist.json", "about.json"]),
        ([POWER], ["digits", "fashion-mnist"], ["about-fashion-mnist.json", "about.json"]),
        ([FASHION], ["digits", "fashion-mnist"], ["about.json"]),
        ([], ["digits"], ["about.json"]),
        ([], ["fashion-mnist"], ["about-fashion-mnist.json"]),
        (["shift-adder"], ["digits", "fashion-mnist"], []),
        (["network digits"], ["digits", "fashion-mnist"], []),
    ],
)
def test_only_what_was_measured_is_noted(
    tmp_path: Path, left_out: list[str], programs: list[str], expected: list[str]
) -> None:
    """`programs`: networks whose programs were made by the present code."""
    options = FullReport(build=tmp_path)
    for data in programs:
        write_provenance(options, SMALL, tmp_path / f"arithmetics/{data}-about.json", ARITHMETICS)
    for group in GROUPS:
        if group.about.startswith("report/"):
            write_provenance(options, SMALL, tmp_path / group.about, REPORT)
    assert set(left_out) <= set(steps())
    note_sources(options, left_out)
    found = sorted(path.name for path in (tmp_path / "report").iterdir())
    assert found == expected
    assert all(is_current(tmp_path / "report" / name) for name in found)
