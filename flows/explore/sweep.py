"""The points of a sweep, measured in processes on this machine or on a cluster, and kept as they finish."""

import importlib
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from flows.base.jobs import run_jobs
from flows.base.progress import counted, say
from flows.base.tools import MissingTool
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
from golden.graph.network import Network
from golden.progress import Progress
from golden.spec.errors import LightDealError

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
    kept, strange = read_points(path)
    # Points that differ in their DSP blocks alone have one key.
    tasks = list(
        {key: (key, point) for key, point in zip(keys, points, strict=True) if key not in kept}.values()
    )
    say(f"· {len(points)} points, {sum(key in kept for key in keys)} of them kept in {path}")
    if strange:
        say(
            f"· {strange} lines of {path} hold no point (torn by a kill, or damaged): as good as not measured"
        )
    integers = {name: trained.network for name, trained in networks.items()}
    if cluster is not None:
        _on_cluster(tasks, integers, path, cluster, code)
    elif tasks:
        number = min(len(tasks), workers or os.cpu_count() or 1)
        run_jobs(
            {
                f"process {part + 1}": partial(_measure_and_keep, tasks[part::number], integers, path)
                for part in range(number)
            },
            number,
        )
    kept, _ = read_points(path)
    return [kept[key] for key in keys]


def _measure_and_keep(
    tasks: Sequence[Task], networks: Mapping[str, Network], path: Path, progress: Progress
) -> None:
    for number, (key, point) in enumerate(tasks, 1):
        append_points(path, [measure_point(key, networks[point.network], point)])
        progress(f"{number} of {len(tasks)} points", number / len(tasks))


def measure_batch(networks: Mapping[str, Network], tasks: Sequence[Task], code: str) -> list[Measured]:
    """What a worker of a cluster does.

    Raises LightDealError if the worker has other code than `code`, whose results would not be ours.
    """
    if (own := code_digest()) != code:
        raise LightDealError(
            f"cluster: a worker has other code than this machine ({own} and {code}); "
            "install the same LightDeal on both"
        )
    return [measure_point(key, networks[point.network], point) for key, point in tasks]


def _on_cluster(
    tasks: Sequence[Task], networks: Mapping[str, Network], path: Path, address: str, code: str
) -> None:
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
    with client:
        if tasks and not client.scheduler_info()["workers"]:
            raise LightDealError(f"cluster {address!r}: no workers; start some with `dask worker {address}`")
        try:
            _measure_on(distributed, client, tasks, networks, path, code)
        except LightDealError:
            raise
        except Exception as error:  # of a lost scheduler, or of a worker with other code: of any type
            what = " ".join(str(error).split()).rstrip(".")
            raise LightDealError(
                f"cluster {address!r}: {type(error).__name__}: {what}; the points so far are kept: "
                "call again to go on"
            ) from error


def _measure_on(
    distributed: Any,
    client: Any,
    tasks: Sequence[Task],
    networks: Mapping[str, Network],
    path: Path,
    code: str,
) -> None:
    everywhere = client.scatter(dict(networks), broadcast=True, hash=False)
    batches = [
        client.submit(measure_batch, everywhere, tasks[at : at + BATCH], code, pure=False)
        for at in range(0, len(tasks), BATCH)
    ]
    with counted("points", len(tasks)) as bar:
        for batch in distributed.as_completed(batches):
            measured = batch.result()
            append_points(path, measured)
            bar.update(len(measured))
