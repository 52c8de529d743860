"""Two pictures of a sweep: cycles over area, accuracy over energy."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # no screen needed
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from flows.explore.candidates import Candidate

BEATEN, COLOURS = "#d4d4d8", {True: "#4c78a8", False: "#f58518"}
"""Of points that are beaten; of a front's networks with a basis and without one."""


def cycles_and_area(path: Path, fitting: Sequence[Candidate], front: Sequence[Candidate]) -> None:
    """All points that fit, the front marked, and a line round what these two axes alone cannot beat."""
    figure, axes = _axes("cycles and area of the points")
    _scatter(axes, fitting, front, [(it.area, it.cycles) for it in (*fitting, *front)])
    steps = _staircase([(it.area, it.cycles) for it in fitting])
    axes.step(
        [x for x, _ in steps],
        [y for _, y in steps],
        where="post",
        label="best in these two alone",
        color="#54585f",
        linewidth=1,
        zorder=1,
    )
    for set_scale, axis in ((axes.set_xscale, axes.xaxis), (axes.set_yscale, axes.yaxis)):
        set_scale("log")
        _plain_numbers(axis)
    axes.set_xlabel("area: LUT4 sites, with block RAMs as sites")
    axes.set_ylabel("cycles for one image")
    _finish(figure, axes, path)


def accuracy_and_energy(path: Path, fitting: Sequence[Candidate], front: Sequence[Candidate]) -> None:
    """The same for accuracy; every trained network is one height, with its name beside."""
    figure, axes = _axes("accuracy and energy of the points")
    _scatter(axes, fitting, front, [(it.energy / 1000, 100 * it.accuracy) for it in (*fitting, *front)])
    names: dict[float, list[str]] = {}
    for it in fitting:
        at = names.setdefault(100 * it.accuracy, [])
        if it.point.network not in at:
            at.append(it.point.network)
    for height, several in names.items():
        axes.annotate(
            ", ".join(sorted(several)),
            (1, height),
            (4, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            fontsize=7,
            va="center",
        )
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.set_xlabel("energy for one image, nJ")
    axes.set_ylabel("accuracy, %")
    _finish(figure, axes, path)


def _axes(title: str) -> tuple[Figure, Axes]:
    figure, axes = pyplot.subplots(figsize=(8, 4.6), layout="constrained")
    axes.set_title(title)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _scatter(
    axes: Axes,
    fitting: Sequence[Candidate],
    front: Sequence[Candidate],
    places: Sequence[tuple[float, float]],
) -> None:
    """Places are those of `fitting`, then those of `front`."""
    beaten = places[: len(fitting)]
    axes.scatter([x for x, _ in beaten], [y for _, y in beaten], s=7, color=BEATEN, label="beaten")
    for basis, colour in COLOURS.items():
        for dsp in (False, True):
            some = [
                place
                for it, place in zip(front, places[len(fitting) :], strict=True)
                if (it.point.dsp, it.point.network.startswith("basis")) == (dsp, basis)
            ]
            if some:
                axes.scatter(
                    [x for x, _ in some],
                    [y for _, y in some],
                    s=24,
                    facecolor="white" if dsp else colour,
                    edgecolor=colour,
                    linewidth=1.2,
                    label=f"front: {'basis' if basis else 'no basis'}, {'DSP blocks' if dsp else 'logic'}",
                    zorder=3,
                )


def _staircase(places: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The places that no other one beats, from left to right."""
    steps: list[tuple[float, float]] = []
    for place in sorted(places):
        if not steps or place[1] < steps[-1][1]:
            steps.append(place)
    return steps


def _plain_numbers(axis: Axis) -> None:
    """1, 2 and 5 of each power of ten, with thousands apart, in the place of exponents."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
    axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axis.set_minor_formatter(NullFormatter())


def _finish(figure: Figure, axes: Axes, path: Path) -> None:
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
