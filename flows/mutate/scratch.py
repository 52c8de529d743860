"""Copies of the repository in which tests run, with a bug or without."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flows.mutate.mutants import Mutant, planted

COPIED = (
    *("golden", "hw", "sim", "flows", "tests", "docs", "examples"),
    *("README.md", "run", "pyproject.toml", "constraints.txt"),
)
"""What tests read; of these, what there is."""

PASSED, FAILED, TIMED_OUT = 0, 1, 124
"""Exit codes: of pytest when all tests passed and when some failed, of coreutils' timeout."""


@dataclass(frozen=True)
class Outcome:
    """How a call of pytest ended.

    Parameters
    ----------
    code: exit code of pytest, or TIMED_OUT.
    seconds: wall-clock time.
    failed: the first test that failed, or "".
    output: the last lines that it printed.
    """

    code: int
    seconds: float
    failed: str
    output: str


class Scratch:
    """One copy; used by one thread at a time."""

    def __init__(self, root: Path, folder: Path) -> None:
        self._root = root
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in COPIED:
            source = root / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            elif source.exists():
                shutil.copy2(source, folder / name)

    def test(self, tests: tuple[str, ...], limit: float) -> Outcome:
        """Runs tests up to the first that fails, for `limit` seconds at most."""
        # No byte code is kept: a file planted and restored within a second could pass for its other self.
        environment = os.environ | {
            "PYTHONPATH": str(self._folder),
            "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": "1",
        }
        # timeout ends what pytest started, too, and does so when nobody waits for it any more.
        command = ["timeout", "--kill-after=5", f"{limit:.0f}", sys.executable, "-m", "pytest"]
        command += ["-x", "-q", "--no-header", "--tb=line", "-p", "no:cacheprovider", *tests]
        started = time.perf_counter()
        self._process = subprocess.Popen(
            command,
            cwd=self._folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        output, _ = self._process.communicate()
        seconds = time.perf_counter() - started
        lines = output.splitlines()
        failed = [line.split()[1] for line in lines if line.startswith(("FAILED ", "ERROR "))]
        return Outcome(
            # Where pytest did not end by itself nor was killed, timeout's code is that of a kill.
            code=self._process.returncode if seconds < limit else TIMED_OUT,
            seconds=seconds,
            failed=failed[0] if failed else "",
            output="\n".join(lines[-15:]),
        )

    def stop(self) -> None:
        """Ends the tests that run now, if any."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    @contextmanager
    def plant(self, mutant: Mutant) -> Iterator[None]:
        """The copy holds the bug inside the block. Raises MutantError if it cannot be planted."""
        target = self._folder / mutant.file
        target.write_text(planted(mutant, (self._root / mutant.file).read_text()))
        try:
            yield
        finally:
            shutil.copy2(self._root / mutant.file, target)
