"""The verb explore: a sweep, its front, and some of its points in real synthesis."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from flows import plots
from flows.explore.area import AreaModel
from flows.explore.fitted import read_model, synthesised
from flows.explore.front import pareto_front
from flows.explore.memories import clocked_rams
from flows.explore.networks import Trained, trained_networks
from flows.explore.points import Measured
from flows.explore.space import Point, draw_points
from flows.explore.sweep import measure_all
from flows.files import write_whole
from flows.metrics import Metric, percent, table, write_metrics
from flows.options import Explore
from flows.progress import step
from golden.spec.config import Config
from golden.spec.errors import LightDealError


@dataclass(frozen=True)
class Candidate:
    """A point that fits, with all its figures.

    Parameters
    ----------
    accuracy: fraction of 1.  cycles: for one image.  energy: for one image, pJ.
    sites: LUT4 sites by the area model.  area: the same with the block RAMs in sites.
    """

    point: Point
    accuracy: float
    cycles: int
    energy: float
    sites: float
    block_rams: int
    area: float

    @property
    def costs(self) -> tuple[float, float, float, float]:
        """What the front weighs; less is better."""
        return -self.accuracy, self.cycles, self.area, self.energy


def candidates(
    points: Sequence[Point],
    measured: Sequence[Measured],
    networks: Mapping[str, Trained],
    model: AreaModel,
) -> list[Candidate]:
    """The points that fit."""
    return [
        Candidate(
            point=point,
            accuracy=networks[point.network].accuracy,
            cycles=it.cycles,
            energy=it.energy,
            sites=model.sites(point.config),
            block_rams=clocked_rams(point.config).block_rams,
            area=model.area(point.config),
        )
        for point, it in zip(points, measured, strict=True)
        if not it.reason
    ]


def refusals(measured: Sequence[Measured]) -> dict[str, int]:
    """What is too small or unsuited in the points that do not fit → how many, the most frequent first."""
    sizes = {field.name for field in fields(Config)} - {"name"}

    def short(reason: str) -> str:
        # Errors of capacity name the field of the configuration.
        named = [word for word in re.findall(r"\w+", reason) if word in sizes]
        return named[0] if named else reason

    counts = Counter(short(it.reason) for it in measured if it.reason)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def spread(front: Sequence[Candidate], count: int) -> list[Candidate]:
    """`count` points of a front, evenly from the smallest to the largest."""
    ordered = sorted(front, key=lambda it: it.area)
    if count >= len(ordered):
        return ordered
    if count == 1:
        return ordered[:1]
    return [ordered[round(n * (len(ordered) - 1) / (count - 1))] for n in range(count)]


def explore(options: Explore) -> str:
    """Train what is missing, measure the points, mark the front; the text of front.md.

    `out` gets points.jsonl (kept between runs), networks/, front.md, two plots and metrics.json.
    """
    model, error = read_model(options.model)
    if options.confirm < 0:
        raise LightDealError(f"confirm {options.confirm}; legal: 0 or more")
    networks = trained_networks(
        options.data, options.densities, options.seed, options.out / "networks", options.workers
    )
    points = draw_points(list(networks), options.points, options.seed)
    with step(f"{len(points)} points"):
        measured = measure_all(
            points, networks, options.out / "points.jsonl", options.workers, options.cluster
        )
    fitting = candidates(points, measured, networks, model)
    if not fitting:
        raise LightDealError(
            f"none of {len(points)} points fits: {refusals(measured)}; ask for more with --points"
        )
    marked = pareto_front([it.costs for it in fitting]).tolist()
    front = sorted((it for it, mark in zip(fitting, marked, strict=True) if mark), key=lambda it: it.area)
    metrics = [
        Metric("explore.points", len(points), "1", "neither", f"seed {options.seed}, {options.data}"),
        Metric("explore.fitting", len(fitting), "1", "neither", "points whose network fits"),
        Metric("explore.front", len(front), "1", "neither", "points that no other one beats"),
    ]
    parts = [
        f"{len(points)} points were drawn; {len(fitting)} fit; no other point beats {len(front)} of these.",
        *_refused(measured),
        f"Accuracy was measured once for each trained network ({options.data}, seed {options.seed}) and "
        "holds for every configuration, as all compute the same; nothing is interpolated. Cycles: the exact "
        "cycle model, one image, zero rows not skipped. Energy: counts × table. Sites: the area model, "
        f"without DSP blocks; it was at worst {100 * error:.1f} % from the syntheses that judged it. Area: "
        "sites, and the block RAMs as their share of an LFE5U-25F.",
        front_table(front),
    ]
    if options.confirm:
        text, worst = _confirmed(spread(front, options.confirm), options)
        parts.append(text)
        metrics.append(
            Metric("explore.confirmed.worst_error", worst, "1", "less", "sites: model against synthesis")
        )
    plots.scatter(
        options.out / "cycles_area.png",
        "cycles and area",
        ("area, LUT4 sites (block RAMs as sites)", "cycles for one image"),
        [(it.area, it.cycles) for it in fitting],
        marked,
        (True, True),
    )
    plots.scatter(
        options.out / "accuracy_energy.png",
        "accuracy and energy",
        ("energy for one image, nJ", "accuracy, %"),
        [(it.energy / 1000, 100 * it.accuracy) for it in fitting],
        marked,
        (True, False),
    )
    write_metrics(metrics, options.out / "metrics.json")
    text = "\n\n".join(parts)
    path = write_whole(options.out / "front.md", text + "\n")
    return f"{text}\n\n{path}"


def _refused(measured: Sequence[Measured]) -> list[str]:
    found = refusals(measured)
    if not found:
        return []
    return [table(["does not fit", "points"], list(found.items()))]


def front_table(front: Sequence[Candidate]) -> str:
    """A line for each point, in the order given."""
    rows = []
    for it in front:
        config = it.point.config
        rows.append(
            [
                it.point.network,
                f"{config.engines}×{config.lanes}",
                config.accumulators,
                config.accumulator_bits,
                config.basis,
                config.window,
                percent(it.accuracy),
                f"{it.cycles:,}",
                f"{it.energy / 1000:,.1f}",
                f"{it.sites:,.0f}",
                it.block_rams,
                f"{it.area:,.0f}",
            ]
        )
    header = ["network", "engines × lanes", "sums", "bits", "basis", "window"]
    return table([*header, "accuracy", "cycles", "energy, nJ", "sites", "block RAMs", "area"], rows)


def _confirmed(chosen: Sequence[Candidate], options: Explore) -> tuple[str, float]:
    rows = []
    worst = 0.0
    for it in chosen:
        config = it.point.config
        with step(f"synthesis of {config.name}, {config.digest:08x}"):
            found = synthesised(config, options.synth).area
        error = it.sites / found.sites - 1
        worst = max(worst, abs(error))
        rows.append(
            [
                f"{it.point.network}, {config.name}",
                f"{it.sites:,.0f}",
                f"{found.sites:,}",
                f"{100 * error:+.1f} %",
                it.block_rams,
                found.block_rams,
            ]
        )
    header = ["confirmed by synthesis", "sites, model", "sites", "error", "block RAMs, model", "block RAMs"]
    return table(header, rows), worst
