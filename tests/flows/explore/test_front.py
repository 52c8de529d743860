"""The Pareto front against its definition."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from flows.explore.front import pareto_front

COSTS = st.lists(st.tuples(*[st.integers(0, 4)] * 4), min_size=1, max_size=40)


def beats(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Nowhere worse, somewhere better."""
    pairs = list(zip(one, other, strict=True))
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


@given(COSTS)
def test_front_is_what_nothing_beats(costs: list[tuple[int, ...]]) -> None:
    expected = [not any(beats(other, it) for other in costs) for it in costs]
    assert pareto_front(costs).tolist() == expected


def test_every_beaten_point_is_beaten_by_the_front() -> None:
    costs = [tuple(row) for row in np.random.default_rng(5).integers(0, 20, (200, 3)).tolist()]
    marked = pareto_front(costs)
    front = [it for it, mark in zip(costs, marked, strict=True) if mark]
    assert 0 < len(front) < len(costs)
    for it, mark in zip(costs, marked, strict=True):
        assert mark or any(beats(other, it) for other in front)
