"""Runs pytest again and again, each time in a fork of a process that has imported the large packages.

A script of its own: it must not import this project, whose copies its forks test.

Requests come as lines of JSON on standard input: `folder` (the copy; its tests run there), `arguments`
of pytest, `limit` in seconds, `output` (file for what it prints). Answers go as lines to standard output:
`code` (of pytest, or null past the limit), `seconds`. When standard input ends, also in the middle of a
run, all that runs is ended.
"""

import json
import os
import select
import signal
import sys
import time
import traceback
from contextlib import suppress
from importlib import import_module
from typing import Any


def _child(request: dict[str, Any]) -> None:
    """Becomes pytest; never returns."""
    code = 70
    try:
        os.setsid()
        for number, path, flags in (
            (0, os.devnull, os.O_RDONLY),
            (1, request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
        ):
            file = os.open(path, flags, 0o644)
            os.dup2(file, number)
            os.close(file)
        os.dup2(1, 2)
        os.chdir(request["folder"])
        sys.path[0] = request["folder"]
        sys.argv = ["pytest", *request["arguments"]]
        code = int(import_module("pytest").main(request["arguments"]))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _end(group: int) -> None:
    """Ends a fork and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _answer(request: dict[str, Any]) -> dict[str, Any] | None:
    """What became of a request; None if nobody waits for it any more."""
    started = time.perf_counter()
    process = os.fork()
    if process == 0:
        _child(request)
    ended = os.pidfd_open(process)
    ready, _, _ = select.select([ended, sys.stdin], [], [], request["limit"])
    by_itself = ended in ready
    if not by_itself:
        os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    _end(process)
    os.close(ended)
    if ready and not by_itself:
        return None
    code = os.waitstatus_to_exitcode(status) if by_itself else None
    return {"code": code, "seconds": time.perf_counter() - started}


def main() -> None:
    """Answers requests to the end of standard input."""
    # What takes seconds to import, in each run of pytest.
    for name in ("amaranth.sim", "hypothesis", "numpy", "pytest", "sklearn.datasets", "torch"):
        import_module(name)
    while line := sys.stdin.readline():
        answer = _answer(json.loads(line))
        if answer is None:
            return
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
