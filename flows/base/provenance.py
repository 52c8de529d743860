"""What made a result: options, configuration, versions of packages and tools."""

import datetime
import json
import platform
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from flows.base.files import read_json, write_whole
from flows.base.sources import ROOT, sources_digest
from golden.spec.config import Config

PACKAGES = ("lightdeal", "amaranth", "pyosys", "torch", "numpy", "scikit-learn")
TOOLS = {"g++": "--version", "iverilog": "-V"}


def write_provenance(options: Any, config: Config, path: Path, roots: Iterable[str] = ()) -> Path:
    """Write a JSON object: date, options (a dataclass), configuration with its digest, versions, processor.

    Parameters
    ----------
    roots: what the result depends on; the object then holds their digest (`flows.base.sources`).
    """
    about: dict[str, Any] = {
        "date": datetime.date.today().isoformat(),
        "options": {name: str(value) for name, value in asdict(options).items()},
        "configuration": asdict(config) | {"digest": f"{config.digest:08x}"},
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "tools": {name: tool_version(name) for name in TOOLS},
        "processor": processor(),
    }
    if roots := tuple(roots):
        about["sources"] = {"roots": roots, "digest": sources_digest(roots)}
    return write_whole(path, json.dumps(about, indent=1) + "\n")


def is_current(about: Path) -> bool:
    """Whether `write_provenance` left this file, with roots whose code is still the same."""
    if not about.is_file():
        return False
    sources = read_json(about, "results", dict, "measure again").get("sources")
    return sources is not None and sources_digest(sources["roots"]) == sources["digest"]


def processor() -> str:
    """The kind of processor, in the words of Linux where it says any."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return " ".join([platform.machine(), *models[:1]])


def tool_version(name: str) -> str:
    """The first line that a tool says about itself, or "missing"."""
    if shutil.which(name) is None:
        return "missing"
    done = subprocess.run([name, TOOLS[name]], capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).partition("\n")[0]


def commit(*paths: str) -> str:
    """The checked-out commit, with "+" if tracked files below `paths` (of the repository) differ from it.

    "unknown" outside a repository and without git.
    """
    said = []
    for command in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no", "--", *paths]):
        try:
            done = subprocess.run(["git", *command], cwd=ROOT, capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            return "unknown"
        said.append(done.stdout.strip())
    head, changed = said
    return head + ("+" if changed else "")
