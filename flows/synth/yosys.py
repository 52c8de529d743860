"""Yosys, from the pyosys package, in a process of its own: its memory and its faults stay there."""

import os
import sys
from importlib.metadata import version
from pathlib import Path

from sim.backends import processes
from sim.drivers.ports import ToolError

LOG = "yosys.log"

_RUN = """
import sys
from pyosys import libyosys
libyosys.run_pass("script " + sys.argv[1], libyosys.Design())
"""


def yosys_version() -> str:
    """Name and version, for results and for the digest of a run."""
    return f"pyosys {version('pyosys')}"


def run_yosys(lines: list[str], folder: Path, name: str) -> None:
    """Run commands in `folder`; `name`.ys holds them afterwards, `yosys.log` all that Yosys said.

    Raises ToolError with what Yosys says is wrong.
    """
    script = folder / f"{name}.ys"
    script.write_text("\n".join(lines) + "\n")
    with (folder / LOG).open("ab") as log:
        start = log.tell()
        command = [sys.executable, "-c", _RUN, script.name]
        # Its temporary files lie in the folder, and go with it where Yosys is stopped.
        environment = os.environ | {"TMPDIR": str(folder.resolve())}
        code = processes.run(command, folder, environment, log).returncode
    if code:
        with (folder / LOG).open("rb") as log:
            log.seek(start)
            said = log.read().decode(errors="replace").splitlines()
        wrong = [line for line in said if "ERROR:" in line] or said[-3:]
        raise ToolError(f"Yosys failed with exit code {code} in {script}: {' / '.join(wrong)}")
