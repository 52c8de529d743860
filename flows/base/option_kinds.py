"""What an option may be: ranges of numbers, files that are read, places that results go to.

The options of verbs annotate their fields with these; the parser, the help and the checks before any work
read them there, so an option declares them once.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from stat import S_ISREG
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from flows.base.files import demand_replaceable, one_line, reason
from golden.spec.errors import LightDealError


@dataclass(frozen=True)
class Whole:
    """A whole number, low…high."""

    low: int
    high: int

    def __str__(self) -> str:
        return f"a whole number, {self.low:,}…{self.high:,}"

    def parse(self, text: str) -> int:
        """The number. Raises LightDealError for anything else, in the words of a range."""
        try:
            value = int(text)
        except ValueError:
            value = None
        if value is None or not self.low <= value <= self.high:
            raise LightDealError(f"{one_line(repr(text), 40)}; legal: {self}")
        return value


@dataclass(frozen=True)
class Real:
    """A number in low…high; with `above`, low itself is not one."""

    low: float
    high: float
    above: bool = False

    def __str__(self) -> str:
        if self.above:
            return f"above {self.low:g}, up to {self.high:g}"
        return f"a number, {self.low:g}…{self.high:g}"

    def parse(self, text: str) -> float:
        """The number. Raises LightDealError for anything else, NaN and infinity too."""
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not self.low <= value <= self.high or (self.above and value == self.low):
            raise LightDealError(f"{one_line(repr(text), 40)}; legal: {self}")
        return value


@dataclass(frozen=True)
class Input:
    """A file or folder that is read; an `optional` one may be missing, and the verb says what follows."""

    optional: bool = False


@dataclass(frozen=True)
class Output:
    """A place that results go to.

    Parameters
    ----------
    folder: it is a folder; else a file.
    sign: file by which an earlier result is known, where the folder is replaced whole; else None.
    """

    folder: bool
    sign: str | None = None


@dataclass(frozen=True)
class Choice:
    """One of these words."""

    words: tuple[str, ...]


Mark = Whole | Real | Input | Output | Choice

DATA = ("digits", "fashion-mnist")
"""Data sets with a name."""


Count = Annotated[int, Whole(1, 10_000_000)]
Seeds = Annotated[int, Whole(1, 1000)]
Seed = Annotated[int, Whole(0, 2**32 - 1)]
Workers = Annotated[int, Whole(1, 1024)]
Epochs = Annotated[int, Whole(1, 100_000)]
Density = Annotated[float, Real(0, 1, above=True)]
Share = Annotated[float, Real(0, 1)]
Decibels = Annotated[float, Real(0, 1000)]
DataSet = Annotated[str, Choice(DATA)]
ReadFile = Annotated[Path, Input()]
FoundFile = Annotated[Path, Input(optional=True)]
OutFile = Annotated[Path, Output(folder=False)]
OutFolder = Annotated[Path, Output(folder=True)]


@dataclass(frozen=True)
class Kind:
    """The type of an option.

    Parameters
    ----------
    base: the type of a value, or of each value of a list.  many: it is a list.
    mark: what it is declared to be, or None.
    """

    base: type
    many: bool
    mark: Mark | None


def kinds(options: type) -> dict[str, Kind]:
    """Field → kind, for a class of options."""
    hints = get_type_hints(options, include_extras=True)
    return {field.name: _kind(hints[field.name]) for field in fields(options)}


def _kind(hint: Any) -> Kind:
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (it for it in get_args(hint) if it is not NoneType)
    many = get_origin(hint) is tuple
    if many:
        hint = get_args(hint)[0]
    if get_origin(hint) is Annotated:
        base, mark = get_args(hint)
        return Kind(base, many, mark)
    return Kind(hint, many, None)


def output_places(options: Any) -> Iterator[tuple[str, Path, Output]]:
    """Option, place and declaration of everything that a verb with these options writes."""
    for name, kind in kinds(type(options)).items():
        value = getattr(options, name)
        if isinstance(kind.mark, Output):
            yield name, options.folder if value is None else value, kind.mark
    for place in getattr(options, "also", ()):
        yield "folder", place, Output(folder=True)


def check(options: Any) -> None:
    """What can be known to be wrong with files, places and lists before any work.

    Raises LightDealError, which names the option, for a list with the same value twice, a file that cannot
    be read, or a place that cannot be written.
    """
    for name, kind in kinds(type(options)).items():
        value = getattr(options, name)
        if kind.many:
            shown = [f"{it:g}" for it in value]
            if twice := [it for it in shown if shown.count(it) > 1]:
                raise LightDealError(f"{name}: {twice[0]} is given twice; legal: different values")
        if isinstance(kind.mark, Input) and value is not None:
            demand_readable(name, value, kind.mark)
    for name, path, output in output_places(options):
        demand_writable(name, path, output)


def demand_readable(name: str, path: Path, kind: Input) -> None:
    """Raises LightDealError unless a regular file can be read there, or nothing is and need not be."""
    try:
        if kind.optional and not path.exists():
            return
        if kind.optional and path.is_dir():
            os.listdir(path)
            return
        if not path.is_dir() and not S_ISREG(path.stat().st_mode):
            raise LightDealError(f"{name} {path}: not a regular file")
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        raise LightDealError(f"{name} {path}: cannot be read: {reason(error)}") from error


def demand_writable(name: str, path: Path, kind: Output) -> None:
    """Raises LightDealError unless a result can be put there now; leaves nothing behind.

    Tries to make a file in the folder, or in the nearest one above that is there: permissions alone say
    nothing of file systems that are read-only.
    """
    elsewhere = f"name another place with --{name}"
    if name == "folder":
        elsewhere = "call from a folder of yours, or copy the checkout to a place where you may write"
    place = Path(os.path.realpath(path))
    try:
        if not kind.folder and place.is_dir():
            raise LightDealError(f"{name} {path}: a folder; expected a file, such as {path / 'result'}")
        if not kind.folder and place.exists() and not place.is_file():
            raise LightDealError(f"{name} {path}: not a regular file; {elsewhere}")
        if kind.folder and place.exists() and not place.is_dir():
            raise LightDealError(f"{name} {path}: a file; expected a folder; {elsewhere}")
        if kind.sign is not None:
            demand_replaceable(path, kind.sign, name)
        within = place if kind.folder and kind.sign is None else place.parent
        while not within.exists():
            within = within.parent
        if not within.is_dir():
            raise LightDealError(f"{name} {path}: below {within}, which is a file; {elsewhere}")
        with tempfile.TemporaryFile(dir=within):
            pass
        for part in place.relative_to(within).parts:
            with suppress(
                FileNotFoundError
            ):  # a name that is too long, with its temporary ending, is refused
                os.lstat(within / f"{part}.partial.partial")
    except OSError as error:
        raise LightDealError(f"{name} {path}: cannot be written: {reason(error)}; {elsewhere}") from error
