"""`lightdeal docs`: the drawings and the notebook anew, then the pages."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from flows.base.files import write_whole
from flows.base.progress import step
from flows.base.tools import MissingTool
from flows.site.commands import Docs
from flows.site.drawings import DRAWINGS, drawn
from flows.site.notebook import EXAMPLE, executed, is_current
from golden.spec.errors import LightDealError


def docs(options: Docs) -> str:
    """Draw, build, and say where the first page is.

    Raises MissingTool without Sphinx, LightDealError for a folder that is no checkout, and for each warning
    of Sphinx, which are said.
    """
    pages = options.root / "docs"
    if not (pages / "conf.py").is_file():
        raise LightDealError(f"root {options.root}: no docs/conf.py there; expected a checkout of LightDeal")
    if find_spec("sphinx") is None or find_spec("myst_parser") is None:
        raise MissingTool("sphinx or myst-parser is missing: pip install 'lightdeal[docs]'")
    with step("drawings"):
        for name, text in drawn(options.root).items():
            write_whole(pages / DRAWINGS / name, text)
    example = options.root / EXAMPLE
    if not is_current(example):
        with step("notebook"):
            write_whole(example.with_suffix(".ipynb"), executed(example.read_text(), f"{example.stem}.png"))
    with step("pages"):
        build(pages, options.out)
    return f"site: {options.out / 'index.html'}"


def build(pages: Path, out: Path) -> None:
    """Sphinx in a process of its own. Raises LightDealError with all that it has to say."""
    # What Sphinx keeps between two runs stands beside the pages, so that a folder of pages is only pages.
    kept = out.with_name(f"{out.name}-doctrees")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "-d", str(kept)]
    done = subprocess.run(
        [*command, str(pages), str(out)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise LightDealError(f"docs {pages}: the site was not built:\n{(done.stderr + done.stdout).strip()}")
