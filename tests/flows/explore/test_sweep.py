"""The sweep: resumed after a kill it gives the same; on a cluster, too; points that do not fit say why."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import distributed
import pytest

from flows.energy import network_energy
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
from flows.explore.verb import refusals
from golden.compiler import compile_network
from golden.spec.errors import LightDealError
from golden.timing import count_cycles
from sim.ports import ToolError
from tests.flows.explore.sweep_networks import tiny_networks


def test_a_larger_draw_begins_with_the_smaller_one() -> None:
    names = ["a", "b"]
    assert draw_points(names, 50, 3)[:20] == draw_points(names, 20, 3)
    assert draw_points(names, 20, 4) != draw_points(names, 20, 3)
    assert len(set(draw_points(names, 300, 3))) == 300


def test_a_torn_sweep_goes_on_and_ends_like_a_whole_one(tmp_path: Path) -> None:
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
    assert measure_all(points, networks, path, workers=2) == expected
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
    assert read_points(path) == {}
    one, two = Measured("a", "", 5, 2.5), Measured("b", "feature_words is 4", 0, 0.0)
    append_points(path, [one])
    with path.open("a") as file:
        file.write('{"key": "c", "rea')
    end_line(path)
    append_points(path, [two])
    with path.open("a") as file:
        file.write('{"key": "d"}\n')
    assert read_points(path) == {"a": one, "b": two}


def test_the_key_depends_on_sizes_network_and_code_and_not_on_names() -> None:
    first, second = draw_points(["a"], 2, 1)
    keys = {point_key(first, "n", "c"), point_key(second, "n", "c")}
    keys |= {point_key(first, "m", "c"), point_key(first, "n", "d")}
    assert len(keys) == 4


def test_refusals_are_counted_by_what_is_too_small() -> None:
    reasons = ["x: feature_words is 4", "", "layer y: accumulator_bits = 18 holds", "feature_words is 8"]
    measured = [Measured(str(number), reason, 0, 0.0) for number, reason in enumerate(reasons)]
    assert refusals(measured) == {"feature_words": 2, "accumulator_bits": 1}


def test_a_cluster_measures_the_same(tmp_path: Path) -> None:
    networks = tiny_networks()
    points = draw_points(list(networks), 20, 1)
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
    ) as cluster:
        path = tmp_path / "points.jsonl"
        found = measure_all(points, networks, path, cluster=cluster.scheduler_address)
    for point, measured in zip(points, found, strict=True):
        assert measured == measure_point(measured.key, networks[point.network].network, point)
    assert list(read_points(path)) == sorted(read_points(path), key=[it.key for it in found].index)


def test_a_cluster_that_does_not_answer_is_named(tmp_path: Path) -> None:
    networks = tiny_networks()
    points = draw_points(list(networks), 1, 1)
    with pytest.raises(
        LightDealError, match=r"cluster 'nonsense://x': no scheduler answers .*dask scheduler"
    ):
        measure_all(points, networks, tmp_path / "p", cluster="nonsense://x")


def test_without_the_package_a_cluster_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    networks = tiny_networks()
    with pytest.raises(ToolError, match=r"pip install 'lightdeal\[cluster\]'"):
        measure_all(draw_points(list(networks), 1, 1), networks, tmp_path / "p", cluster="tcp://host:1")
