"""The verbs about the figures in the texts: options, help, and what does them."""

from dataclasses import dataclass
from pathlib import Path

from flows.base.option_kinds import (
    FoundFile,
    OutFolder,
)
from flows.base.verb import Verb


@dataclass(frozen=True)
class ReadmeReport:
    """The figures in README.md and docs/, from what `build` holds and docs/results keeps.

    Parameters
    ----------
    build: folder of the results of all verbs.
    root: of the repository, with README.md and docs.
    """

    build: FoundFile = Path("build")
    root: OutFolder = Path()


@dataclass(frozen=True)
class StaleReport:
    """The kept figures that were measured on other code; `root` as for ReadmeReport."""

    root: FoundFile = Path()


REPORT_README = Verb(
    "report readme",
    "keep what build holds in docs/results, and write the figures of README.md and docs",
    ReadmeReport,
    "flows.figures.verb:update_texts",
)
REPORT_STALE = Verb(
    "report stale",
    "the kept figures that were measured on other code, and the commands for them",
    StaleReport,
    "flows.figures.verb:stale",
)
