"""The verb that builds the site: options, help, and what does it."""

from dataclasses import dataclass
from pathlib import Path

from flows.base.option_kinds import OutFolder
from flows.base.verb import Verb


@dataclass(frozen=True)
class Docs:
    """The site.

    Parameters
    ----------
    root: of the repository, with docs.  out: folder of the pages.
    """

    root: OutFolder = Path()
    out: OutFolder = Path("build/site")


DOCS = Verb(
    "docs",
    "draw what docs/drawings holds, then build the site from docs; warnings are errors",
    Docs,
    "flows.site.verb:docs",
    takes="about a minute",
)
