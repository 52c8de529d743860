"""Where compiled simulators are kept."""

import os
import tempfile
from pathlib import Path

from sim.drivers.ports import ToolError

_ROOT = Path(__file__).parents[2]
BUILD = _ROOT / "build" / "sim" if (_ROOT / "pyproject.toml").is_file() else None
"""In the checkout, where that can be written; None of an installed package."""


def place_of(name: str) -> Path:
    """The folder that the simulator of that name is in, or is to be built in; the folder above it is there.

    `BUILD` if it stands there or can be built there, else lightdeal/sim in the user's cache, as for a
    checkout that is read-only. Raises ToolError if neither can be written.
    """
    if BUILD is not None and (BUILD / name).is_dir():
        return BUILD / name
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "lightdeal" / "sim"
    wrong = []
    for folder in (it for it in (BUILD, cache) if it is not None):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return folder / name
        except OSError as error:
            wrong.append(f"{folder} ({error.strerror})")
    raise ToolError(
        f"no place for the simulators: {' and '.join(wrong)} cannot be written; copy the checkout to a place "
        "where you may write, or set XDG_CACHE_HOME to one"
    )
