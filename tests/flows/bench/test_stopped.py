"""A benchmark that is stopped while it builds: no process, no temporary file, no half a result is left."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.sim.alive import alive

BENCH = """
import sys
from flows.bench import verb
from flows.cli import main
from golden.spec.config import TINY
from sim.backends import compiled
verb.SMALL, compiled.COMPILER = TINY, sys.argv[1]
sys.exit(main(["bench", "--out", sys.argv[2]]))
"""

COMPILER = """#!/bin/sh
# As g++ does: another program works, on a temporary file that goes when this one is asked to end.
mine=$(mktemp "$TMPDIR/ccXXXXXX")
trap 'rm "$mine"; exit 1' TERM
sleep 300 &
echo $$ $! >>"$PIDS"
wait
"""


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [
        (signal.SIGTERM, 143, "terminated"),
        pytest.param(signal.SIGINT, 130, "interrupted", marks=pytest.mark.long),
    ],
)
def test_nothing_is_left(number: signal.Signals, code: int, word: str, tmp_path: Path) -> None:
    """The signal comes to the program alone, not to those that it has started."""
    compiler, pids, temporary = (tmp_path / name for name in ("compiler", "pids", "temporary"))
    compiler.write_text(COMPILER)
    compiler.chmod(0o755)
    temporary.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", BENCH, str(compiler), str(tmp_path / "out")],
        env=os.environ | {"TMPDIR": str(temporary), "PIDS": str(pids)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    last = time.monotonic() + 200
    while not (pids.exists() and pids.read_text().endswith("\n")) and time.monotonic() < last:
        time.sleep(0.1)
    assert len(list(temporary.iterdir())) > 1, "nothing to clear away"
    process.send_signal(number)
    out, said = process.communicate(timeout=60)
    assert (process.returncode, out) == (code, ""), said
    assert said.splitlines()[-1] == f"lightdeal: {word}"
    started = [int(it) for it in pids.read_text().split()]
    assert len(started) >= 2
    assert not [it for it in started if alive(it)]
    assert list(temporary.iterdir()) == []
    assert not (tmp_path / "out").exists()
