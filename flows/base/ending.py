"""How a verb ends: its exit code, and one line for whatever went wrong."""

import io
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from flows.base.files import one_line, reason
from flows.base.needs import need_of
from golden.spec.errors import LightDealError

FAILED = 1
"""A check failed: a mismatch, a bar that was not reached."""

WRONG = 2
"""A wrong argument, configuration, file, place or network."""

FAULT = 3
"""An exception that nobody foresaw."""

INTERRUPTED = 130
"""By the user, as shells count it."""

TERMINATED = 143
"""By another program (SIGTERM), as shells count it."""

UNREAD = 141
"""Nobody reads what is said any more, as shells count it."""

CODES = {
    0: "all well",
    FAILED: "a check failed: a mismatch, a bar that was not reached",
    WRONG: "a wrong or missing argument, file, place, network, package or program",
    FAULT: "a fault of LightDeal itself",
    INTERRUPTED: "interrupted",
    TERMINATED: "terminated by another program",
    UNREAD: "nobody reads the output",
}
"""Exit code → meaning, as the help has it."""


class Terminated(BaseException):
    """SIGTERM came: what was begun is cleared away on the way out, as after an interrupt."""


@contextmanager
def terminable() -> Iterator[None]:
    """Inside, a SIGTERM is `Terminated`; more of them do not disturb the clearing away.

    Only in the main thread, which alone hears signals; in others it changes nothing.
    """

    def stop(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_IGN)
        raise Terminated

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def exit_code(call: Callable[[], int]) -> int:
    """What `call` returns, or the code of what it raised, which is said on standard error: in one line, or
    in one for each of several problems.

    All of an unforeseen exception goes into a file of the temporary folder, which that line names.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal may lack some of the characters
            stream.reconfigure(errors="replace")
    try:
        with terminable():
            code = call()
        if sys.stdout is not None:
            sys.stdout.flush()  # here, where a failure can be told
        return code
    except LightDealError as error:
        lines = [one_line(problem, 4000) for problem in error.problems]
        return _tell(
            "\n  ".join([f"{len(lines)} problems:", *lines]) if lines else one_line(error, 4000), WRONG
        )
    except KeyboardInterrupt:
        return _tell("interrupted", INTERRUPTED)
    except Terminated:
        return _tell("terminated", TERMINATED)
    except BrokenPipeError:
        _drop_output()
        return UNREAD
    except OSError as error:
        _drop_output()
        where = f"{error.filename}: " if error.filename else "standard output, or a file: "
        return _tell(f"{where}{reason(error)}", WRONG)
    except MemoryError as error:
        return _tell(f"out of memory: {one_line(error) or 'the system gives no more'}", WRONG)
    except ModuleNotFoundError as error:
        if (need := need_of(error.name or "")) is None:
            return _tell(_fault(error), FAULT)
        return _tell(
            f"the package {need.name} is missing ({need.why}): install it with {need.get}; "
            "`lightdeal doctor` says what else is missing",
            WRONG,
        )
    except Exception as error:
        return _tell(_fault(error), FAULT)


def _tell(text: str, code: int) -> int:
    with suppress(OSError):
        print(f"lightdeal: {text}", file=sys.stderr, flush=True)
    return code


def _drop_output() -> None:
    """Keeps Python from trying again, at its end, what could not be written."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fault(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    notes = "".join(f"; {note}" for note in getattr(error, "__notes__", ()))
    said = f"{type(error).__name__}: {one_line(error)}{notes}"
    file = "what you did"
    with suppress(OSError):
        number, file = tempfile.mkstemp(prefix="lightdeal-fault-", suffix=".txt")
        with open(number, "w", encoding="utf-8") as report:
            report.write(f"{sys.version}\n{sys.argv}\n")
            traceback.print_exception(error, file=report)
    where = f"{last.filename}:{last.lineno}"
    return f"a fault of LightDeal itself, at {where}: {said}; please report it with {file}"
