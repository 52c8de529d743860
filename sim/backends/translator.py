"""What makes C++ of an accelerator, and calls of the tools that do."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from amaranth.lib import wiring

from sim.backends import processes
from sim.drivers.ports import ToolError

TOP = "accelerator"
LIBRARY = f"{TOP}.so"
HARNESS = Path(__file__).with_name("compiled.cc")


@dataclass(frozen=True)
class Translator:
    """One way from a component with the accelerator's ports to a shared library.

    Parameters
    ----------
    name: of the tool.
    model: C++ file, beside `HARNESS`, that lets it drive what the tool makes.
    text: source text of a component, from which alone the library is made.
    options: all else that the library depends on, as a text.
    compile: (source text, folder, compiler, definitions of the harness, waveform) → `LIBRARY` in the folder.
        Raises ToolError if a tool fails.
    """

    name: str
    model: str
    text: Callable[[wiring.Component], str]
    options: Callable[[], str]
    compile: Callable[[str, Path, str, list[str], bool], None]


def call(command: list[str], folder: Path, what: str) -> str:
    """The output of a tool. Raises ToolError with its last lines if it fails."""
    kept = {name: value for name, value in os.environ.items() if name != "VERILATOR_ROOT"}
    done = processes.run(command, folder, kept)
    if done.returncode:
        lines = (done.stdout + done.stderr).splitlines()
        raise ToolError(f"{what} failed with exit code {done.returncode}:\n" + "\n".join(lines[-20:]))
    return done.stdout
