"""The verbs area and explore: options, help, and what does them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from flows.base.option_kinds import (
    Count,
    DataSet,
    Density,
    FoundFile,
    OutFile,
    OutFolder,
    ReadFile,
    Seed,
    Whole,
    Workers,
)
from flows.base.verb import Verb

AREA_MODEL = Path(__file__).with_name("area.json")
"""The fitted area model; kept in the repository."""


@dataclass(frozen=True)
class Area:
    """The area model, fitted to syntheses.

    Parameters
    ----------
    model: file that it is written to.
    synth: folder of the runs of synthesis, as for Synth.
    workers: syntheses side by side; None for one on each core.
    out: folder of its tables and metrics.
    """

    model: OutFile = AREA_MODEL
    synth: OutFolder = Path("build/synth")
    workers: Workers | None = None
    out: OutFolder = Path("build/explore")


@dataclass(frozen=True)
class Explore:
    """A sweep over configurations, to a Pareto front of accuracy, cycles, area and energy.

    Parameters
    ----------
    points: configurations with a network each; a larger number only adds to a smaller one's.
    axes: TOML file of the values to draw from, for the axes that `flows.explore.space.Axes` names;
        None for its own.
    densities: kept fractions that a network is trained at, with a basis and without one.
    seed: of the training, and of the draw of the points.
    workers: processes on this machine; None for one on each core.
    cluster: address of a Dask scheduler whose workers measure the points, or None.
    confirm: points of the front that are synthesised.
    model: file of the area model.
    synth: folder of the runs of synthesis, as for Synth.
    """

    data: DataSet = "digits"
    points: Count = 1000
    axes: ReadFile | None = None
    densities: tuple[Density, ...] = (0.3, 0.2, 0.1, 0.05)
    seed: Seed = 1
    workers: Workers | None = None
    cluster: str | None = None
    confirm: Annotated[int, Whole(0, 1000)] = 0
    model: FoundFile = AREA_MODEL
    synth: OutFolder = Path("build/synth")
    out: OutFolder = Path("build/explore")


AREA = Verb(
    "area",
    "fit the area model that explore uses to syntheses",
    Area,
    "flows.explore.fitted:fit_area",
    takes="some minutes of each core where nothing is kept",
)
EXPLORE = Verb(
    "explore",
    "sweep: a Pareto front of accuracy, cycles, area and energy",
    Explore,
    "flows.explore.verb:explore",
    {
        "axes": "TOML file of lists of values to draw from, such as engines = [1, 2]",
        "cluster": "address of a Dask scheduler whose workers measure the points",
        "confirm": "points of the front that are synthesised, too",
        "points": "configurations with a network each",
    },
    takes="a few minutes of training, then a second for a point; minutes for each that is confirmed",
)
