"""Copies of the repository in which tests run, with a bug or without."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flows.studies.mutate.mutants import Mutant, planted

COPIED = (
    *("golden", "hw", "sim", "flows", "tests", "docs", "examples"),
    *("README.md", "run", "pyproject.toml", "constraints.txt"),
)
"""What tests read; of these, what there is."""

PASSED, FAILED, TIMED_OUT, STOPPED = 0, 1, 1000, 1001
"""Exit codes of pytest when all tests passed, and when some failed; and numbers that no program gives."""


@dataclass(frozen=True)
class Outcome:
    """How a call of pytest ended.

    Parameters
    ----------
    code: exit code of pytest, or TIMED_OUT, or STOPPED.
    seconds: wall-clock time.
    failed: the first test that failed, or "".
    output: the last lines that it printed.
    """

    code: int
    seconds: float
    failed: str
    output: str


class Scratch:
    """One copy, with a process of its own that runs tests in it; used by one thread at a time.

    What happens to the repository meanwhile makes no difference.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder = folder
        self._output = folder.with_name(folder.name + ".txt")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in COPIED:
            source = root / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            elif source.exists():
                shutil.copy2(source, folder / name)
        self._server: subprocess.Popen[str] | None = None

    def _start(self) -> "subprocess.Popen[str]":
        """The process that runs tests."""
        # No byte code is kept: a file planted and restored within a second could pass for its other self.
        environment = os.environ | {
            "PYTHONPATH": str(self.folder),
            "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": "1",
        }
        return subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("server.py"))],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # an interrupt at the keyboard is for us alone
        )

    def test(self, tests: tuple[str, ...], limit: float) -> Outcome:
        """Runs tests up to the first that fails, for `limit` seconds at most."""
        options = ["-x", "-q", "--no-header", "--tb=line", "-p", "no:cacheprovider"]
        # Of hypothesis, which is there before pytest and not of our tests.
        options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
        request = {
            "folder": str(self.folder),
            "arguments": [*options, *tests],
            "limit": limit,
            "output": str(self._output),
        }
        if self._server is None:
            self._server = self._start()
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        try:
            print(json.dumps(request), file=self._server.stdin, flush=True)
            line = self._server.stdout.readline()
        except (OSError, ValueError):
            line = ""
        if not line:
            return Outcome(STOPPED, 0.0, "", "the process that runs tests has ended")
        answer = json.loads(line)
        lines = self._output.read_text(errors="replace").splitlines()
        failed = [line.split()[1] for line in lines if line.startswith(("FAILED ", "ERROR "))]
        return Outcome(
            code=TIMED_OUT if answer["code"] is None else answer["code"],
            seconds=answer["seconds"],
            failed=failed[0] if failed else "",
            output="\n".join(lines[-15:]),
        )

    def stop(self) -> None:
        """Ends the process, and the tests that it runs, if any."""
        if self._server is not None:
            assert self._server.stdin is not None
            assert self._server.stdout is not None
            self._server.stdin.close()
            self._server.wait()
            self._server.stdout.close()

    @contextmanager
    def plant(self, mutant: Mutant) -> Iterator[None]:
        """The copy holds the bug inside the block. Raises MutantError if it cannot be planted."""
        target = self.folder / mutant.file
        text = target.read_text()
        target.write_text(planted(mutant, text))
        try:
            yield
        finally:
            target.write_text(text)
