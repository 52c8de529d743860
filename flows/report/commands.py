"""The verb report: options, help, and what does it."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from flows.base.option_kinds import (
    OutFolder,
)
from flows.base.verb import Verb


@dataclass(frozen=True)
class FullReport:
    """What the accelerators cost: metrics.json, report.md and report.html in `build`/report.

    Parameters
    ----------
    measure: first measure what is missing or stale; else write down what there is.
    build: folder of the results of all verbs; measurements go into "build".
    """

    measure: bool = True
    build: OutFolder = Path("build")
    also: ClassVar[tuple[Path, ...]] = (Path("build"),)


REPORT = Verb(
    "report",
    "what the accelerators cost: area, cycles, energy",
    FullReport,
    "flows.report.verb:report",
    {"measure": "first measure what is missing or stale"},
    takes="hours where nothing is measured yet, else seconds",
)
