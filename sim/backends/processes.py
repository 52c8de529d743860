"""Programs that start programs, such as compilers: whatever ends the wait for them ends them all."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")

PATIENCE = 10.0
"""Seconds that a program has to end by itself, with its temporary files, before it is killed."""

_running: set["subprocess.Popen[str]"] = set()


def run(
    command: list[str],
    folder: Path | None = None,
    env: Mapping[str, str] | None = None,
    log: IO[Any] | None = None,
) -> "subprocess.CompletedProcess[str]":
    """A program's exit code and output, once it has ended; the program and all that it starts are a group.

    With `log` its output goes into that file, as it comes. An exception, such as an interrupt, ends the whole
    group before it goes on.
    """
    with subprocess.Popen(
        command,
        cwd=folder,
        env=env,
        stdout=log or subprocess.PIPE,
        stderr=log or subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        _running.add(process)
        try:
            out, err = process.communicate()
        except BaseException:
            _end(process)
            raise
        finally:
            _running.discard(process)
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def side_by_side(work: Callable[[Given], Made], given: Iterable[Given]) -> list[Made]:
    """What work makes of each, in threads, as many as there are cores.

    An exception, such as an interrupt, ends all programs that `run` has started in them, and starts no more.
    """
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        return list(pool.map(work, given))
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in list(_running):
            _end(process)
        raise
    finally:
        pool.shutdown()


@contextmanager
def background(*works: Callable[[], Made]) -> Iterator[list["Future[Made]"]]:
    """What works will have made, one after the other in a thread, beside the block; all of them by its end.

    An exception in the block, such as an interrupt, ends the programs that `run` has started there, and those
    that the work still starts; what has not begun does not begin.
    """
    with ThreadPoolExecutor(1) as pool:
        futures = [pool.submit(work) for work in works]
        try:
            yield futures
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            while not all(future.done() for future in futures):
                for process in list(_running):
                    _end(process)
                time.sleep(0.02)
            raise


def _end(process: "subprocess.Popen[str]") -> None:
    """Asks a group to end, so that it takes its temporary files along; kills what is left of it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        last = time.monotonic() + PATIENCE
        try:
            os.killpg(process.pid, number)
            while time.monotonic() < last:
                process.poll()
                os.killpg(process.pid, 0)
                time.sleep(0.02)
        except ProcessLookupError:
            return  # nothing is left of it
