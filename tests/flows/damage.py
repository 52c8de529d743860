"""Random damage to files, and what is said of it."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from golden.spec.errors import LightDealError


def damaged(whole: bytes) -> st.SearchStrategy[bytes]:
    """The bytes cut somewhere or not, with up to four of them changed, or something else altogether."""

    def change(parts: tuple[int, list[tuple[int, int]]]) -> bytes:
        length, changes = parts
        found = bytearray(whole[:length])
        for place, value in changes:
            if found:
                found[place % len(found)] = value
        return bytes(found)

    places = st.tuples(st.integers(0, len(whole)), st.integers(0, 255))
    lengths = st.one_of(st.just(len(whole)), st.integers(0, len(whole)))
    cut = st.tuples(lengths, st.lists(places, max_size=4)).map(change)
    return st.one_of(cut, st.binary(max_size=200))


def refusal(read: Callable[[], Any]) -> str | None:
    """What the LightDealError of a reader says, None if it reads; any other exception passes."""
    try:
        read()
    except LightDealError as error:
        return str(error)
    return None
