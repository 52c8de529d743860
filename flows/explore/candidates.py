"""The points that fit with all their figures, and the tables made of them."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from flows.base.metrics import percent, table
from flows.explore.area import AreaModel, dsps_of
from flows.explore.front import pareto_front
from flows.explore.memories import clocked_rams
from flows.explore.networks import Trained
from flows.explore.points import Measured
from flows.explore.space import Point
from golden.spec.config import Config


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
    dsps: int
    area: float

    @property
    def costs(self) -> tuple[float, float, float, float, int]:
        """What the front weighs; less is better.

        DSP blocks stand by themselves: where a part has some to spare they cost nothing, so no
        number of sites is worth one.
        """
        return -self.accuracy, self.cycles, self.area, self.energy, self.dsps


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
            sites=model.sites(point.config, point.dsp),
            block_rams=clocked_rams(point.config).block_rams,
            dsps=dsps_of(point.config) if point.dsp else 0,
            area=model.area(point.config, point.dsp),
        )
        for point, it in zip(points, measured, strict=True)
        if not it.reason
    ]


def front_of(fitting: Sequence[Candidate]) -> list[Candidate]:
    """Those that no other one beats: all in logic first, then with DSP blocks, each by area."""
    marked = pareto_front([it.costs for it in fitting]).tolist()
    front = (it for it, mark in zip(fitting, marked, strict=True) if mark)
    return sorted(front, key=lambda it: (it.point.dsp, it.area, it.cycles, it.point.network))


def refusals(measured: Sequence[Measured]) -> dict[str, int]:
    """What is too small or unsuited in the points that do not fit → how many, the most frequent first."""
    sizes = {field.name for field in fields(Config)} - {"name"}

    def short(reason: str) -> str:
        # Errors of capacity name the field of the configuration.
        named = [word for word in re.findall(r"\w+", reason) if word in sizes]
        return named[0] if named else reason

    counts = Counter(short(it.reason) for it in measured if it.reason)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def spread(front: Sequence[Candidate], count: int) -> list[int]:
    """Places of `count` points of a front, evenly from the smallest to the largest."""
    ordered = sorted(range(len(front)), key=lambda place: front[place].area)
    if count >= len(ordered):
        return ordered
    if count == 1:
        return ordered[:1]
    return [ordered[round(n * (len(ordered) - 1) / (count - 1))] for n in range(count)]


def front_table(front: Sequence[Candidate]) -> str:
    """A line for each point, in the order given, numbered from 1."""
    rows = []
    for number, it in enumerate(front, 1):
        config = it.point.config
        rows.append(
            [
                number,
                it.point.network,
                f"{config.engines}×{config.lanes}",
                config.accumulators,
                config.accumulator_bits,
                config.basis,
                config.window,
                percent(it.accuracy),
                f"{it.cycles:,}",
                f"{it.energy / 1000:,.0f}",
                f"{it.sites:,.0f}",
                it.dsps,
                it.block_rams,
                f"{it.area:,.0f}",
            ]
        )
    header = ["point", "network", "engines × lanes", "sums", "bits", "basis", "window", "accuracy", "cycles"]
    return table([*header, "energy, nJ", "sites", "DSPs", "block RAMs", "area"], rows)


def toml_of(it: Candidate, network_file: str) -> str:
    """The configuration as a file for --config of other verbs."""
    config = it.point.config
    products = "DSP blocks" if it.point.dsp else "logic"
    lines = [f"# network: {network_file}", f"# products of the basis stage: in {products}"]
    for field in fields(Config):
        value = getattr(config, field.name)
        text = f'"{value}"' if isinstance(value, str) else str(value).lower()
        lines.append(f"{field.name} = {text}")
    return "\n".join(lines) + "\n"
