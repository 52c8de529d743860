"""Programs that some flows need and not every machine has."""

import shutil
import subprocess
import sys
from pathlib import Path

from sim.backends import processes
from sim.drivers.ports import ToolError


class MissingTool(ToolError):
    """A program is not installed; the text names it and what to install."""


def find_tool(name: str, install: str) -> Path:
    """A program on PATH or beside this Python. Raises MissingTool."""
    beside = Path(sys.executable).parent / name
    found = shutil.which(name) or (str(beside) if beside.is_file() else None)
    if found is None:
        raise MissingTool(f"{name} is missing: install it with {install}")
    return Path(found)


def run_tool(command: list[str], folder: Path, log: str) -> str:
    """What a program says, also left in the file `log` of `folder`; it runs in that folder.

    Raises ToolError with its last lines.
    """
    with (folder / log).open("w") as file:
        done = processes.run(command, folder, log=file)
    text = (folder / log).read_text(errors="replace")
    if done.returncode:
        lines = text.splitlines()
        wrong = [line for line in lines if "ERROR" in line.upper()][-3:] or lines[-3:]
        said = " / ".join(wrong)
        raise ToolError(f"{Path(command[0]).name} failed with exit code {done.returncode}: {said}")
    return text


def said_version(tool: Path, flag: str = "--version") -> str:
    """The first line that a program says about its version."""
    done = subprocess.run([str(tool), flag], capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).strip().partition("\n")[0]
