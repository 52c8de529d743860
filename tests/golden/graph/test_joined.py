"""What can lie side by side."""

from itertools import permutations

import numpy as np
import pytest

from golden.graph.joined import SideBySide, complete


def test_rows_begin_alike() -> None:
    """A DenseNet's: every concatenation is the one before it and one tensor more."""
    side = SideBySide([("a", "b"), ("a", "b", "c"), ("a", "b", "c", "d"), ("x", "y")])
    assert side.rows == [("a", "b", "c", "d"), ("x", "y")]


def test_overlapping_rows_become_one() -> None:
    side = SideBySide([("c", "d"), ("a", "b")])
    side.put("b", "c")
    assert side.row("c") == ("a", "b", "c", "d")


@pytest.mark.parametrize(
    ("placed", "one", "other"),
    [
        (("a", "b"), "a", "c"),  # behind a lies b
        (("a", "b"), "c", "b"),  # before b lies a
        (("a", "b"), "b", "a"),  # in a ring
        (("a", "b", "c"), "c", "a"),
        ((), "a", "a"),
    ],
)
def test_one_place_for_each(placed: tuple[str, ...], one: str, other: str) -> None:
    side = SideBySide([placed])
    with pytest.raises(ValueError, match=f"{other!r} cannot lie behind {one!r}"):
        side.put(one, other)


def test_any_order_of_links_gives_the_same_row() -> None:
    links = [("a", "b"), ("b", "c"), ("c", "d")]
    for order in permutations(links):
        assert SideBySide(order).rows == [("a", "b", "c", "d")]


def test_complete_waits_for_all_parts() -> None:
    values = {"a": np.zeros(1)}
    joined = {"ab": ("a", "b")}
    complete(values, joined, lambda parts: np.concatenate([values[it] for it in parts]))
    assert "ab" not in values
    values["b"] = np.ones(2)
    complete(values, joined, lambda parts: np.concatenate([values[it] for it in parts]))
    assert values["ab"].tolist() == [0, 1, 1]
