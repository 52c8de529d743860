"""The folder of a sweep: it can be written, and no other sweep is at work in it."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from golden.spec.errors import LightDealError


@contextmanager
def sweep_folder(path: Path) -> Iterator[Path]:
    """Make the folder and keep other sweeps out of it until the block ends or the process dies.

    Raises LightDealError if it cannot be written, if another process holds it, or for a file that
    could not be used inside the block.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        file = (path / "lock").open("w")
    except OSError as error:
        raise LightDealError(
            f"out {path}: cannot be written: {error.strerror}; name another folder with --out"
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LightDealError(
                f"out {path}: another sweep is at work in it; wait for it, or name another folder with --out"
            ) from error
        try:
            yield path
        except OSError as error:
            raise LightDealError(
                f"out {path}: {error.filename or 'a file'} cannot be used: {error.strerror}; "
                "what is finished is kept: call again to go on"
            ) from error
