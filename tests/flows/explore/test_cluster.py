"""The same points on a cluster: an engine inside this process, and what it says when it fails."""

import sys
from pathlib import Path

import distributed
import pytest

from flows.explore.points import code_digest, measure_point, read_points
from flows.explore.space import draw_points
from flows.explore.sweep import measure_all, measure_batch
from golden.spec.errors import LightDealError
from sim.drivers.ports import ToolError
from tests.flows.explore.sweep_networks import tiny_networks


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
    kept, strange = read_points(path)
    assert (set(kept), strange) == ({it.key for it in found}, 0)


def test_a_cluster_without_workers_says_how_to_start_some(tmp_path: Path) -> None:
    networks = tiny_networks()
    points = draw_points(list(networks), 1, 1)
    with (
        distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=None) as cluster,
        pytest.raises(LightDealError, match=r"no workers; start some with `dask worker inproc://"),
    ):
        measure_all(points, networks, tmp_path / "p", cluster=cluster.scheduler_address)


def test_a_worker_with_other_code_is_refused() -> None:
    networks = {name: it.network for name, it in tiny_networks().items()}
    tasks = [("key", draw_points(list(networks), 1, 1)[0])]
    words = rf"a worker has other code than this machine \({code_digest()} and abc\); install the same"
    with pytest.raises(LightDealError, match=words):
        measure_batch(networks, tasks, "abc")
    assert [it.key for it in measure_batch(networks, tasks, code_digest())] == ["key"]


def test_a_cluster_that_breaks_says_that_the_points_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("connection\nlost.")

    monkeypatch.setattr(distributed, "as_completed", broken)
    networks = tiny_networks()
    points = draw_points(list(networks), 1, 1)
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
        ) as cluster,
        pytest.raises(
            LightDealError, match=r"RuntimeError: connection lost; the points so far are kept: call again"
        ),
    ):
        measure_all(points, networks, tmp_path / "p", cluster=cluster.scheduler_address)


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
