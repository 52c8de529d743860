"""The points of a sweep, measured in processes on this machine or on a cluster, and kept as they finish."""

import importlib
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from flows.explore.networks import Trained
from flows.explore.points import (
    Measured,
    append_points,
    code_digest,
    end_line,
    measure_point,
    point_key,
    read_points,
)
from flows.explore.space import Point
from flows.jobs import run_jobs
from flows.progress import counted, say
from flows.tools import MissingTool
from golden.network import Network
from golden.spec.errors import LightDealError
from golden.train.loop import Progress

BATCH = 16
"""Points that a cluster's worker takes at a time: about half a second of work."""

Task = tuple[str, Point]
"""Key and point."""


def measure_all(
    points: Sequence[Point],
    networks: Mapping[str, Trained],
    path: Path,
    workers: int | None = None,
    cluster: str | None = None,
) -> list[Measured]:
    """The results of all points, in their order; those that `path` lacks are measured and added to it.

    Parameters
    ----------
    workers: processes on this machine, None for one on each core.
    cluster: address of a Dask scheduler, whose workers measure instead; they need this package.
    """
    code = code_digest()
    keys = [point_key(point, networks[point.network].digest, code) for point in points]
    path.parent.mkdir(parents=True, exist_ok=True)
    end_line(path)
    kept = read_points(path)
    tasks = [(key, point) for key, point in zip(keys, points, strict=True) if key not in kept]
    say(f"· {len(points)} points, {len(points) - len(tasks)} of them kept in {path}")
    integers = {name: trained.network for name, trained in networks.items()}
    if cluster is not None:
        _on_cluster(tasks, integers, path, cluster)
    elif tasks:
        number = min(len(tasks), workers or os.cpu_count() or 1)
        run_jobs(
            {
                f"process {part + 1}": partial(_measure_and_keep, tasks[part::number], integers, path)
                for part in range(number)
            },
            number,
        )
    kept = read_points(path)
    return [kept[key] for key in keys]


def _measure_and_keep(
    tasks: Sequence[Task], networks: Mapping[str, Network], path: Path, progress: Progress
) -> None:
    for number, (key, point) in enumerate(tasks, 1):
        append_points(path, [measure_point(key, networks[point.network], point)])
        progress(f"{number} of {len(tasks)} points", number / len(tasks))


def measure_batch(networks: Mapping[str, Network], tasks: Sequence[Task]) -> list[Measured]:
    """What a worker of a cluster does."""
    return [measure_point(key, networks[point.network], point) for key, point in tasks]


def _on_cluster(tasks: Sequence[Task], networks: Mapping[str, Network], path: Path, address: str) -> None:
    distributed: Any
    try:
        distributed = importlib.import_module("distributed")
    except ImportError as missing:
        raise MissingTool(
            "--cluster needs the Python package distributed: pip install 'lightdeal[cluster]'"
        ) from missing
    try:
        client = distributed.Client(address, timeout=10)
    except (OSError, ValueError) as error:
        raise LightDealError(
            f"cluster {address!r}: no scheduler answers ({error}); its address is what "
            "`dask scheduler` prints, such as tcp://host:8786"
        ) from error
    with client, counted("points", len(tasks)) as bar:
        everywhere = client.scatter(dict(networks), broadcast=True, hash=False)
        batches = [
            client.submit(measure_batch, everywhere, tasks[at : at + BATCH], pure=False)
            for at in range(0, len(tasks), BATCH)
        ]
        for batch in distributed.as_completed(batches):
            measured = batch.result()
            append_points(path, measured)
            bar.update(len(measured))
