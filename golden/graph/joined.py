"""Tensors side by side: a concatenation along the channels is a place, not an operation.

Its parts are written into neighbouring channels of one map, in the order in which they are joined. A part has
one neighbour on each side at most; the same rows of parts may serve several concatenations, as those of a
DenseNet do, each of which begins as the one before it.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import TypeVar

Joined = Mapping[str, tuple[str, ...]]
"""Name of a concatenation → names of its parts, in order."""

_Value = TypeVar("_Value")


class SideBySide:
    """Which tensor lies next to which, while concatenations are added."""

    def __init__(self, joined: Iterable[tuple[str, ...]] = ()) -> None:
        self._after: dict[str, str] = {}
        self._before: dict[str, str] = {}
        for parts in joined:
            for one, other in pairwise(parts):
                self.put(one, other)

    def fits(self, one: str, other: str) -> bool:
        """Whether `other` can lie behind `one`, or does."""
        if self._after.get(one) == other:
            return True
        return one not in self._after and other not in self._before and self.row(other)[-1] != one

    def put(self, one: str, other: str) -> None:
        """`other` lies behind `one`. Raises ValueError if it cannot."""
        if not self.fits(one, other):
            raise ValueError(f"{other!r} cannot lie behind {one!r}")
        self._after[one], self._before[other] = other, one

    def row(self, name: str) -> tuple[str, ...]:
        """All that lie in a row with a tensor, in order."""
        while name in self._before:
            name = self._before[name]
        row = [name]
        while row[-1] in self._after:
            row.append(self._after[row[-1]])
        return tuple(row)

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """All rows of more than one tensor."""
        return [self.row(name) for name in self._after if name not in self._before]


def complete(
    values: dict[str, _Value], joined: Joined, together: Callable[[tuple[str, ...]], _Value]
) -> None:
    """Adds every concatenation to `values` whose parts are all there; `together` makes one from its parts."""
    for name, parts in joined.items():
        if name not in values and all(part in values for part in parts):
            values[name] = together(parts)
