"""Numbers of points can be read: on nothing else, and not on the numbers of the axis."""

import random
import re

import pytest

from flows.report.drawing import points

TEXT = re.compile(r'<text x="([\d.]+)" y="([\d.]+)" font-size="9" text-anchor="middle">(\d+)</text>')
POINT = re.compile(r'<circle cx="([\d.]+)" cy="([\d.]+)"')


@pytest.mark.parametrize("logarithmic", [False, True])
def test_numbers_stand_beside_their_points_and_on_nothing_else(logarithmic: bool) -> None:
    for seed in range(20):
        rng = random.Random(seed)
        # Two at the low end of an axis, some close together, equal ones too.
        values = [(1.0, 5.0), (5.0, 1.0), (40.0, 40.0), (40.0, 40.0)]
        values += [(rng.uniform(30, 50), rng.uniform(30, 50)) for _ in range(4)]
        named = [(f"it {n}", (x, f"x{n}"), (y, f"y{n}")) for n, (x, y) in enumerate(values)]
        svg = points("it", ("x", "y"), {"a": named[:3], "b": named[3:]}, logarithmic=logarithmic)
        numbers = [(float(x), float(y) - 3, int(number)) for x, y, number in TEXT.findall(svg)]
        circles = [(float(x), float(y)) for x, y in POINT.findall(svg)]
        assert [number for *_, number in numbers] == [1, 2, 3, 4, 5, 6, 7, 8]
        lowest = max(
            float(y) for y in re.findall(r'<line x1="[\d.]+" x2="[\d.]+" y1="[\d.]+" y2="([\d.]+)"', svg)
        )
        for x, y, number in numbers:
            others = circles + [(u, v) for u, v, other in numbers if other != number]
            assert all(abs(x - u) > 8.9 or abs(y - v) > 8.9 for u, v in others), (seed, number)
            own = circles[number - 1]
            assert abs(x - own[0]) + abs(y - own[1]) < 40, (seed, number)
            assert y < lowest + 2
