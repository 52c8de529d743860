"""Independent work in processes of their own, one for each core.

Training small networks leaves a second thread idle, so two trainings side by side take little
longer than one; and one thread each makes results independent of the number of cores.
"""

import multiprocessing
import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from flows.base.ending import TERMINATED, Terminated, terminable
from flows.base.progress import bar
from golden.progress import Progress
from golden.spec.errors import LightDealError

Job = Callable[[Progress], Any]
"""Takes a progress callback and returns a value; both the job and the value can be pickled."""


class JobError(LightDealError):
    """A process died, for example for lack of memory, or what it raised cannot travel."""


def run_jobs(
    jobs: Mapping[str, Job], workers: int | None = None, done: Callable[[str, Any], None] | None = None
) -> dict[str, Any]:
    """Name → result of every job, in the order of `jobs`; at most `workers` (cores) at a time.

    `done`: called with name and result as soon as a job ends.

    Raises what a job raised, or JobError if its process died; the other jobs are stopped then.
    """
    context = multiprocessing.get_context("spawn")
    waiting = list(jobs.items())
    running: dict[Connection, tuple[str, SpawnProcess, Progress, ExitStack]] = {}
    results: dict[str, Any] = {}
    try:
        while waiting or running:
            while waiting and len(running) < (workers or os.cpu_count() or 1):
                name, job = waiting.pop(0)
                ours, theirs = context.Pipe()
                process = context.Process(target=_work, args=(job, theirs), daemon=True)
                _start(process)
                theirs.close()
                stack = ExitStack()
                running[ours] = name, process, stack.enter_context(bar(name)), stack
            for connection in wait(list(running)):
                assert isinstance(connection, Connection)
                name, process, progress, stack = running[connection]
                try:
                    kind, value = connection.recv()
                except EOFError as error:
                    process.join()
                    raise JobError(f"{name}: its process died {_death(process.exitcode)}") from error
                if kind == "progress":
                    progress(*value)
                    continue
                process.join()
                stack.close()
                del running[connection]
                if kind == "error":
                    wrong, trace = value
                    raise wrong from JobError(f"in the process of {name}:\n{trace}")
                results[name] = value
                if done is not None:
                    done(name, value)
    finally:
        for _, process, _, stack in running.values():
            process.terminate()
            process.join()
            stack.close()
    return {name: results[name] for name in jobs}


def _start(process: SpawnProcess) -> None:
    """A process that an interrupt of the terminal leaves alone from its first moment on."""
    resource_tracker.ensure_running()  # else `start` does it, and that ends the blocking
    old = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, old)


def _death(code: int | None) -> str:
    if code == -signal.SIGKILL:
        return "of signal 9 (the system kills so where memory is short; fewer --workers take less)"
    return f"with exit code {code}"


def _work(job: Job, connection: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent stops its children
    _one_thread()

    def progress(message: str, fraction: float) -> None:
        _send(connection, ("progress", (message, fraction)))

    try:
        with terminable():  # by the parent; temporary files go
            value = job(progress)
    except Terminated:
        sys.exit(TERMINATED)
    except Exception as error:
        _send(connection, ("error", (_portable(error), traceback.format_exc())))
    else:
        _send(connection, ("done", value))


def _one_thread() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"  # for a torch that is loaded later
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def _send(connection: Connection, message: object) -> None:
    try:
        connection.send(message)
    except (BrokenPipeError, ConnectionResetError):
        sys.exit(1)  # the parent was killed; nobody is left to tell


def _portable(error: Exception) -> Exception:
    """The exception, or its text as one of its kind where pickling it does not give it back."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # whatever its own constructor raises
        if isinstance(error, LightDealError):
            return LightDealError(str(error))
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
