"""The list of planted bugs: which text becomes which, and the tests that must see it."""

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

from golden.spec.errors import LightDealError

ROOMS = ("hw", "golden", "sim", "flows")
"""Rooms whose code bugs are planted in; each has a file of its own, `ROOM.toml`."""

LIST = Path("tests/mutants")
"""Folder of the list, from the root of the repository."""


class MutantError(LightDealError):
    """A list of planted bugs that cannot be read, or a bug that cannot be planted: names it."""


@dataclass(frozen=True)
class Mutant:
    """One bug.

    Parameters
    ----------
    name: unique in its room; with the room it is "hw/name".
    room: one of ROOMS.
    file: the file it is planted in, from the root of the repository.
    old, new: text that occurs exactly once in the file, and what it becomes.
    why: why somebody might write it.
    tests: pytest's names of tests, or of files, at least one of which must fail.
    """

    name: str
    room: str
    file: str
    old: str
    new: str
    why: str
    tests: tuple[str, ...]

    @property
    def title(self) -> str:
        """Room and name."""
        return f"{self.room}/{self.name}"


def read_mutants(root: Path) -> list[Mutant]:
    """All bugs of the list in `root`, room by room in the order of the files.

    Raises MutantError for a file that is missing or not TOML, an entry with a missing or unknown
    field, and a name that is given twice.
    """
    mutants = []
    for room in ROOMS:
        path = root / LIST / f"{room}.toml"
        try:
            entries = tomllib.loads(path.read_text()).get("mutant", [])
        except OSError as error:
            raise MutantError(f"list {path}: cannot be read: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise MutantError(f"list {path}: not TOML: {error}") from error
        mutants += [_mutant(path, room, entry) for entry in entries]
    titles = [mutant.title for mutant in mutants]
    for title in titles:
        if titles.count(title) > 1:
            raise MutantError(f"{title}: the name is given twice; legal: names that differ in a room")
    return mutants


def _mutant(path: Path, room: str, entry: dict[str, object]) -> Mutant:
    legal = {field.name for field in fields(Mutant)} - {"room"}
    if wrong := sorted(legal ^ set(entry)):
        raise MutantError(
            f"list {path}: entry {entry.get('name', '?')!r}: field {wrong[0]!r} is missing or unknown; "
            f"legal: {', '.join(sorted(legal))}"
        )
    tests = entry["tests"]
    if not isinstance(tests, list) or not tests:
        raise MutantError(f"list {path}: entry {entry['name']!r}: tests = {tests!r}; legal: a list of tests")
    values = {name: str(value) for name, value in entry.items() if name != "tests"}
    return Mutant(room=room, tests=tuple(str(test) for test in tests), **values)


def planted(mutant: Mutant, text: str) -> str:
    """The text of the mutant's file with the bug in it.

    Raises MutantError if the text to replace does not occur exactly once.
    """
    count = text.count(mutant.old)
    if count != 1 or mutant.old == mutant.new:
        raise MutantError(
            f"{mutant.title}: {mutant.old!r} occurs {count} times in {mutant.file}; "
            f"legal: once, and to become something else"
        )
    return text.replace(mutant.old, mutant.new)
