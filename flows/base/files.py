"""Files that appear whole or not at all, and results that outlive the place they were meant for."""

import json
import os
import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from golden.spec.errors import LightDealError

Parsed = TypeVar("Parsed")


class UnwrittenError(LightDealError):
    """A result could not be written where it was wanted; the text names where it is kept instead."""


def write_whole(path: Path | str, data: str | bytes) -> Path:
    """Write a file through a temporary name, so that an interrupted run leaves no half of it.

    Raises UnwrittenError as `save_whole` does.
    """
    content = data.encode() if isinstance(data, str) else data
    return save_whole(path, lambda place: place.write_bytes(content))


def save_whole(path: Path | str, write: Callable[[Path], object]) -> Path:
    """The file that `write` makes at the path it is given, under its final name once it is whole.

    A link is followed. Where the place fails, the file goes into a fresh folder in the first of the working
    directory, the home, the temporary folder and memory that takes it.

    Raises UnwrittenError, which names that file, if the wanted place cannot be written.
    """
    path = Path(path)
    try:
        _save(Path(os.path.realpath(path)), write)
    except OSError as error:
        raise UnwrittenError(f"{path}: cannot be written: {reason(error)}; {_rescue(path, write)}") from error
    return path


def write_all(files: Mapping[Path, str]) -> None:
    """Write several files; one that fails does not keep the others from being written.

    Raises UnwrittenError, which tells of every one that failed.
    """
    wrong = []
    for path, text in files.items():
        try:
            write_whole(path, text)
        except UnwrittenError as error:
            wrong.append(str(error))
    if wrong:
        raise UnwrittenError("; ".join(wrong))


def reason(error: OSError) -> str:
    """What the system says of a failure, without the number."""
    return error.strerror or str(error)


def _save(path: Path, write: Callable[[Path], object]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise NotADirectoryError(error.errno, f"{path.parent} is a file") from error
    partial = path.with_name(path.name + ".partial")
    try:
        write(partial)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _rescue(path: Path, write: Callable[[Path], object]) -> str:
    """Save the file elsewhere; says where."""
    for make in (Path.cwd, Path.home, lambda: Path(tempfile.gettempdir()), lambda: Path("/dev/shm")):
        try:
            folder = Path(tempfile.mkdtemp(prefix="lightdeal-kept-", dir=make()))
        except (OSError, RuntimeError):  # no such folder, or no home
            continue
        try:
            _save(folder / path.name[-100:], write)
        except OSError:  # no space there either
            shutil.rmtree(folder, ignore_errors=True)
            continue
        return f"it is kept in {folder / path.name[-100:]}"
    return "and there is no other place that takes it"


def demand_replaceable(path: Path | str, sign: str, what: str = "folder") -> None:
    """Raises LightDealError unless a folder may take the place of `path`.

    What may go is nothing, an empty folder, or an earlier result: a folder with a file `sign`.
    """
    place = Path(os.path.realpath(path))
    if os.path.ismount(place):
        raise LightDealError(f"{what} {path}: a mount point cannot be replaced; name a folder in it")
    if place.is_dir() and not (place / sign).exists() and any(place.iterdir()):
        raise LightDealError(
            f"{what} {path}: holds other files, without the {sign} of an earlier result, and would be "
            "replaced whole; name another folder, or empty this one"
        )


@contextmanager
def whole_folder(path: Path | str, sign: str) -> Iterator[Path]:
    """A temporary folder that takes the place of `path` when the block ends without an exception.

    Parameters
    ----------
    sign: name of a file that each such folder holds: only such a folder is replaced (`demand_replaceable`).

    Raises UnwrittenError, which names the temporary folder, if something cannot be written. That folder also
    stays (a note of the exception says so) after a fault that nobody foresaw, and goes after an interrupt
    and after any other LightDealError.
    """
    demand_replaceable(path, sign)
    place = Path(os.path.realpath(path))
    partial = place.with_name(place.name + ".partial")
    stays = f"what is finished stays in {partial} until the next call"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
    except OSError as error:
        raise LightDealError(f"folder {path}: cannot be written: {reason(error)}") from error
    try:
        yield partial
        _take_place(partial, place, sign)
    except UnwrittenError as error:
        raise UnwrittenError(f"{error}; {stays}") from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise UnwrittenError(f"{path}: not finished: {where}{reason(error)}; {stays}") from error
    except Exception as error:
        if isinstance(error, LightDealError):
            shutil.rmtree(partial, ignore_errors=True)
        else:
            error.add_note(stays)
        raise
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _take_place(partial: Path, place: Path, sign: str) -> None:
    """The old folder goes when the new one stands, so that a kill leaves one of them."""
    try:
        demand_replaceable(place, sign)
    except LightDealError as error:
        raise UnwrittenError(str(error)) from error
    old = place.with_name(place.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        place.rename(old)
    partial.rename(place)
    shutil.rmtree(old, ignore_errors=True)


def read_text(path: Path, what: str) -> str:
    """A text file in UTF-8. Raises LightDealError if it cannot be read, or holds something else."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise LightDealError(f"{what} {path}: cannot be read: {reason(error)}") from error
    except UnicodeDecodeError as error:
        raise LightDealError(f"{what} {path}: not a text in UTF-8: byte {error.start} is wrong") from error


def read_json(path: Path, what: str, parse: Callable[[Any], Parsed], again: str) -> Parsed:
    """What `parse` makes of the values of a JSON file that LightDeal wrote.

    Parameters
    ----------
    what: the file, in a word.  again: what to do about one that is damaged.

    Raises LightDealError if the file cannot be read, or if `parse` does not take what it holds.
    """
    text = read_text(path, what)
    try:
        return parse(json.loads(text))
    except LightDealError:
        raise
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise LightDealError(
            f"{what} {path}: damaged ({type(error).__name__}: {one_line(error)}); {again}"
        ) from error


def shell_word(path: Path) -> str:
    """A path as a command for the shell holds it."""
    text = str(path)
    return shlex.quote(f"./{text}" if text.startswith("-") else text)


def one_line(said: object, most: int = 400) -> str:
    """A text without line ends, cut where it would be longer than `most` characters."""
    text = " ".join(str(said).split())
    return text if len(text) <= most else text[: most - 1] + "…"
