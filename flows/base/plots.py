"""Pictures of a report: PNG or SVG, as the file's name says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # no screen needed
from matplotlib import pyplot
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

_COLOURS = ("#4c78a8", "#f58518", "#9d9da1", "#54a24b", "#b279a2")


def save_figure(figure: Figure, path: Path) -> None:
    """Equal figures give equal bytes."""
    with pyplot.rc_context({"svg.hashsalt": "lightdeal"}):
        figure.savefig(path, dpi=120, metadata={"Date": None} if path.suffix == ".svg" else None)
    pyplot.close(figure)


def curves(path: Path, title: str, unit: str, series: Mapping[str, Sequence[Sequence[float]]]) -> None:
    """Values after each epoch, from 1 on.

    Parameters
    ----------
    series: name of a colour → its curves, for example one for each seed.
    """
    figure, axes = pyplot.subplots(figsize=(7, 3.4), layout="constrained")
    for colour, (name, several) in zip(_COLOURS, series.items(), strict=False):
        for number, values in enumerate(several):
            epochs = range(1, len(values) + 1)
            axes.plot(epochs, values, color=colour, linewidth=1.2, label=name if number == 0 else None)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel(unit)
    axes.set_title(title)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    save_figure(figure, path)


def bars(
    path: Path, title: str, unit: str, groups: Sequence[str], series: Mapping[str, Sequence[float]]
) -> None:
    """Grouped horizontal bars, one group a line, read from the top.

    Parameters
    ----------
    groups: names of the lines.
    series: name of a colour → its value for each line.
    """
    figure, axes = pyplot.subplots(figsize=(7, 1 + 0.3 * len(groups) * len(series)), layout="constrained")
    height = 0.8 / len(series)
    for number, (name, values) in enumerate(series.items()):
        places = [line + (number - (len(series) - 1) / 2) * height for line in range(len(groups))]
        drawn = axes.barh(places, values, height, label=name, color=_COLOURS[number % len(_COLOURS)])
        axes.bar_label(drawn, [_shown(value) for value in values], padding=2, fontsize=7)
    axes.set_yticks(range(len(groups)), groups)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.xaxis.set_major_formatter("{x:,.10g}")
    axes.set_xlabel(unit)
    axes.set_title(title)
    axes.spines[["top", "right"]].set_visible(False)
    if len(series) > 1:
        axes.legend(frameon=False)
    save_figure(figure, path)


def _shown(value: float) -> str:
    """Large values whole, small ones with three digits."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def coefficients(path: Path, title: str, counts: Mapping[int, int]) -> None:
    """How often each coefficient 0, ±1, ±2, … occurs, on a logarithmic axis."""
    figure, axes = pyplot.subplots(figsize=(7, 2.6), layout="constrained")
    drawn = axes.bar([str(value) for value in counts], list(counts.values()), color=_COLOURS[0])
    axes.bar_label(drawn, [f"{count:,}" for count in counts.values()], padding=1, fontsize=7)
    axes.set_yscale("log")
    axes.margins(y=0.12)
    axes.set_ylabel("coefficients")
    axes.set_title(title)
    axes.spines[["top", "right"]].set_visible(False)
    save_figure(figure, path)


@dataclass(frozen=True)
class Panel:
    """Bars beside each other in a picture.

    Parameters
    ----------
    title: what is counted, in a line or two.  lines: name → value.  form: of a value, for `format`.
    own: names of what is this project's, in colour; the others are grey.
    """

    title: str
    lines: Mapping[str, float]
    form: str
    own: tuple[str, ...]


def summary(path: Path, panels: Sequence[Panel]) -> None:
    """Panels side by side, as SVG; equal values give equal bytes."""
    figure, places = pyplot.subplots(
        1, len(panels), figsize=(3.7 * len(panels), 2.5), layout="constrained", squeeze=False
    )
    for axes, panel in zip(places[0], panels, strict=True):
        colours = [_COLOURS[0] if name in panel.own else "#c4c4c8" for name in panel.lines]
        drawn = axes.barh(list(panel.lines), list(panel.lines.values()), color=colours)
        said = [format(value, panel.form) for value in panel.lines.values()]
        axes.bar_label(drawn, labels=said, padding=3, fontsize=9)
        axes.invert_yaxis()
        axes.margins(x=0.3)
        axes.set_title(panel.title, fontsize=10, loc="left")
        axes.xaxis.set_visible(False)
        axes.tick_params(length=0)
        axes.spines[["top", "right", "bottom"]].set_visible(False)
    save_figure(figure, path)
