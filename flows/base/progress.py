"""Progress of long work: a line for every step, bars with the time that is left where somebody watches."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from tqdm import tqdm

from golden.progress import Progress

QUIET = ContextVar("QUIET", default=False)
"""Nothing is wanted but results, warnings and errors."""


def say(text: str) -> None:
    """One line on standard error, clear of the bars; none where it is to be quiet."""
    if not QUIET.get():
        warn(text)


def warn(text: str) -> None:
    """One line on standard error, clear of the bars, in any case."""
    tqdm.write(text, file=sys.stderr)


@contextmanager
def step(text: str) -> Iterator[None]:
    """Says what begins, and how long it took."""
    say(f"· {text} …")
    start = time.perf_counter()
    yield
    say(f"  {text}: {time.perf_counter() - start:.1f} s")


@contextmanager
def bar(text: str) -> Iterator[Progress]:
    """A bar that follows a callback (message, fraction done 0…1); nothing where nobody watches."""
    shown = "{desc} {bar} {percentage:3.0f}%, {remaining} left"
    with tqdm(total=100, desc=text, disable=QUIET.get() or None, leave=False, bar_format=shown) as it:

        def progress(message: str, fraction: float) -> None:
            it.set_description_str(f"{text}: {message}")
            it.update(100 * fraction - it.n)

        yield progress


@contextmanager
def counted(text: str, total: int) -> Iterator[tqdm]:
    """A bar for a number of equal pieces."""
    shown = "{desc} {bar} {n_fmt}/{total_fmt}, {remaining} left"
    with tqdm(total=total, desc=text, disable=QUIET.get() or None, leave=False, bar_format=shown) as it:
        yield it
