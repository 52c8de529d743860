"""The sweep: resumed after a kill it gives the same; points that do not fit say why."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from flows.base.energy import network_energy
from flows.explore.candidates import refusals
from flows.explore.points import (
    Measured,
    append_points,
    code_digest,
    end_line,
    measure_point,
    point_key,
    read_points,
)
from flows.explore.space import draw_points
from flows.explore.sweep import measure_all
from golden.compiler import compile_network
from golden.cycles.timing import count_cycles
from tests.flows.explore.sweep_networks import tiny_networks


def test_a_larger_draw_begins_with_the_smaller_one() -> None:
    names = ["a", "b"]
    assert draw_points(names, 50, 3)[:20] == draw_points(names, 20, 3)
    assert draw_points(names, 20, 4) != draw_points(names, 20, 3)
    assert len(set(draw_points(names, 300, 3))) == 300


def test_a_torn_sweep_goes_on_and_ends_like_a_whole_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    networks = tiny_networks()
    points = draw_points(list(networks), 8, 1)
    keys = [point_key(point, networks[point.network].digest, code_digest()) for point in points]
    expected = [
        measure_point(key, networks[point.network].network, point)
        for key, point in zip(keys, points, strict=True)
    ]
    path = tmp_path / "points.jsonl"
    # A kill in the middle of the fourth line.
    append_points(path, expected[:4])
    path.write_bytes(path.read_bytes()[:-20])
    capsys.readouterr()
    assert measure_all(points, networks, path, workers=2) == expected
    said = capsys.readouterr().err
    assert f"8 points, 3 of them kept in {path}" in said
    assert f"1 lines of {path} hold no point (torn by a kill, or damaged)" in said
    whole = [line for line in path.read_text().splitlines() if _is_json(line)]
    assert len(whole) == 8, "finished points are not measured again"
    size = path.stat().st_size
    assert measure_all(points, networks, path) == expected
    assert path.stat().st_size == size


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def test_a_point_is_what_compiler_and_cycle_model_say() -> None:
    networks = tiny_networks()
    point = draw_points(list(networks), 1, 1)[0]
    network = networks[point.network].network
    measured = measure_point("key", network, point)
    program = compile_network(network, point.config)
    assert (measured.key, measured.reason) == ("key", "")
    assert (measured.cycles, measured.energy) == (count_cycles(program).cycles, network_energy(program).total)


def test_a_network_that_does_not_fit_is_a_point_with_a_reason() -> None:
    networks = tiny_networks()
    point = draw_points(list(networks), 1, 1)[0]
    small = replace(point, config=replace(point.config, feature_words=4))
    measured = measure_point("key", networks[point.network].network, small)
    assert "feature_words is 4" in measured.reason
    assert refusals([measured]) == {"feature_words": 1}


def test_torn_and_foreign_lines_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / "points.jsonl"
    assert read_points(path) == ({}, 0)
    one, two = Measured("a", "", 5, 2.5), Measured("b", "feature_words is 4", 0, 0.0)
    append_points(path, [one])
    with path.open("a") as file:
        file.write('{"key": "c", "rea')
    end_line(path)
    append_points(path, [two])
    with path.open("a") as file:
        file.write('{"key": "d"}\n')
        file.write('{"key": "e", "reason": "", "cycles": "5", "energy": 2.5}\n')
    with path.open("ab") as binary:
        binary.write(b"\xff\xfe\n")
    assert read_points(path) == ({"a": one, "b": two}, 4)


def test_the_key_depends_on_sizes_network_and_code_and_not_on_names() -> None:
    first, second = draw_points(["a"], 2, 1)
    keys = {point_key(first, "n", "c"), point_key(second, "n", "c")}
    keys |= {point_key(first, "m", "c"), point_key(first, "n", "d")}
    assert len(keys) == 4


def test_refusals_are_counted_by_what_is_too_small() -> None:
    reasons = ["x: feature_words is 4", "", "layer y: accumulator_bits = 18 holds", "feature_words is 8"]
    measured = [Measured(str(number), reason, 0, 0.0) for number, reason in enumerate(reasons)]
    assert refusals(measured) == {"feature_words": 2, "accumulator_bits": 1}
