"""Programs that start programs: whatever ends the wait for them leaves none of them."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest

from sim.backends import processes
from tests.sim.alive import alive

PARENT = """
import pathlib, signal, subprocess, sys
child = subprocess.Popen(["sleep", "300"])
pathlib.Path(sys.argv[1]).write_text(f"{child.pid}")
ignored = sys.argv[2:] == ["stubborn"]
signal.signal(signal.SIGTERM, signal.SIG_IGN if ignored else signal.SIG_DFL)
pathlib.Path(sys.argv[1] + ".ready").touch()
signal.pause()
signal.pause()
"""


def command(file: Path, *more: str) -> list[str]:
    """A program that starts another one and waits; the file names that one."""
    return [sys.executable, "-S", "-c", PARENT, str(file), *more]


@contextmanager
def interrupt(ready: Callable[[], bool]) -> Iterator[None]:
    """Interrupts the main thread once something is ready, as a user does."""

    def wait() -> None:
        last = time.monotonic() + 60
        while not ready() and time.monotonic() < last:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    thread = Thread(target=wait)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        yield
    thread.join()


@pytest.mark.parametrize("more", [[], ["stubborn"]], ids=str)
def test_an_interrupt_ends_the_program_and_what_it_started(
    more: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "PATIENCE", 1.0)
    file, ready = tmp_path / "child", tmp_path / "child.ready"
    with interrupt(ready.exists):
        processes.run(command(file, *more))
    assert not alive(int(file.read_text()))
    assert processes._running == set()


def test_an_interrupt_ends_those_of_all_threads_and_starts_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    files = [tmp_path / f"child{number}" for number in range(5)]
    with interrupt(lambda: len(list(tmp_path.glob("*.ready"))) == 2):
        processes.side_by_side(lambda file: processes.run(command(file)), files)
    found = sorted(tmp_path.glob("child?"))
    assert found == files[:2]
    assert not [file for file in found if alive(int(file.read_text()))]


def test_what_fails_in_a_thread_ends_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    ready, file = tmp_path / "child.ready", tmp_path / "child"

    def work(number: int) -> None:
        if number:
            processes.run(command(file))
        while not ready.exists():
            time.sleep(0.02)
        raise ValueError(f"{number}")

    with pytest.raises(ValueError, match=r"^0$"):
        processes.side_by_side(work, range(2))
    assert not alive(int(file.read_text()))


def test_an_interrupt_ends_what_runs_in_the_background_and_what_it_starts_then(tmp_path: Path) -> None:
    files = [tmp_path / f"child{number}" for number in range(3)]

    def work() -> str:
        with suppress(Exception):
            processes.run(command(files[0]))
        done = processes.run(command(files[1]))
        return f"ended by signal {-done.returncode}"

    with (
        interrupt(lambda: (tmp_path / "child0.ready").exists()),
        processes.background(work, lambda: processes.run(command(files[2])).stdout) as (first, second),
    ):
        signal.pause()
    assert first.result(0) == f"ended by signal {int(signal.SIGTERM)}"
    assert second.cancelled()
    assert not [file for file in files if file.exists() and alive(int(file.read_text()))]


def test_the_background_is_done_at_the_end_of_the_block() -> None:
    with processes.background(lambda: time.sleep(0.2), lambda: None) as futures:
        assert not futures[0].done()
    assert all(future.done() for future in futures)


def test_output_goes_into_a_log_as_it_comes(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as log:
        done = processes.run(["sh", "-c", "echo one; echo two >&2; exit 3"], tmp_path, log=log)
    assert (done.returncode, done.stdout or "") == (3, "")
    assert (tmp_path / "log").read_text() == "one\ntwo\n"


def test_exit_code_and_output() -> None:
    done = processes.run(["sh", "-c", 'echo "$x"; echo no >&2; exit 3'], Path("/"), {"x": "yes"})
    assert (done.returncode, done.stdout, done.stderr) == (3, "yes\n", "no\n")
    assert processes.side_by_side(lambda number: number * number, range(5)) == [0, 1, 4, 9, 16]
