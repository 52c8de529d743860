"""The objects of Verilator's own library, which are kept: every simulator needs the same ones, and compiling
them takes longer than a small design does."""

import hashlib
import os
import shutil
import tempfile
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from sim.backends.places import place_of

OBJECTS = "verilated*.o"

_LATER = 4_000_000_000
"""A time (seconds since 1970) that no makefile is younger than."""


def give(build: Path, options: str) -> None:
    """Puts the kept objects, if there are any, into the folder of a build that is yet to begin.

    Parameters
    ----------
    options: of make, that they are compiled with.
    """
    for file in _place(options).glob(OBJECTS):
        copy = Path(shutil.copy(file, build))
        os.utime(copy, (_LATER, _LATER))  # make compares them with a makefile that is written later


def keep(build: Path, options: str) -> None:
    """Keeps the objects of a finished build, unless some are kept already."""
    place = _place(options)
    if place.is_dir():
        return
    with tempfile.TemporaryDirectory(prefix="partial-", dir=place.parent) as name:
        partial = Path(name) / "library"
        partial.mkdir()
        for file in build.glob(OBJECTS):
            shutil.copy(file, partial)
        with suppress(OSError):  # another process was first
            partial.rename(place)


def _place(options: str) -> Path:
    compiler = os.path.realpath(shutil.which("g++") or "")
    parts = (version("verilator"), version("cocotb"), options, compiler)
    return place_of(f"verilator-library-{hashlib.sha256(repr(parts).encode()).hexdigest()[:24]}")
