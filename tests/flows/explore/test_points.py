"""What a point of a sweep is kept under, and which lines of the file count."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from flows.explore.points import Measured, point_key, read_points
from flows.explore.space import Point
from golden.spec.config import TINY

KEPT = Measured("key", "", 7, 2.5)


def test_the_key_depends_on_all_that_decides_the_result() -> None:
    point = Point("a", TINY)
    key = point_key(point, "network", "code")
    assert key == point_key(replace(point, config=replace(TINY, name="other")), "network", "code")
    others = [
        point_key(replace(point, config=replace(TINY, accumulator_bits=22)), "network", "code"),
        point_key(point, "other", "code"),
        point_key(point, "network", "other"),
    ]
    assert len({key, *others}) == 4


@pytest.mark.parametrize(
    "change", [{"key": 1}, {"reason": None}, {"cycles": 7.5}, {"cycles": "7"}, {"energy": 2}, {"more": 1}]
)
def test_damaged_lines_are_counted_and_left_out(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "points.jsonl"
    damaged = json.dumps(asdict(KEPT) | {"key": "damaged"} | change)
    path.write_text(f"{json.dumps(asdict(KEPT))}\n{damaged}\n{damaged[:-5]}\n")
    assert read_points(path) == ({"key": KEPT}, 2)


def test_a_file_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert read_points(tmp_path / "none") == ({}, 0)
