"""Progress of long work: a line for every step, bars where somebody watches."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

from golden.progress import Progress


def say(text: str) -> None:
    """One line on standard error, clear of the bars."""
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
    with tqdm(
        total=100, desc=text, disable=None, leave=False, bar_format="{desc} {bar} {percentage:3.0f}%"
    ) as it:

        def progress(message: str, fraction: float) -> None:
            it.set_description_str(f"{text}: {message}")
            it.update(100 * fraction - it.n)

        yield progress


@contextmanager
def counted(text: str, total: int) -> Iterator[tqdm]:
    """A bar for a number of equal pieces."""
    with tqdm(total=total, desc=text, disable=None, leave=False) as it:
        yield it
