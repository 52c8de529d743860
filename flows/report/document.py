"""A report as a value: headings, paragraphs, tables and pictures, to be written as Markdown or HTML."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flows.base.metrics import Metric, percent

PERCENT = ("accuracy", "utilisation", "worst_error")
"""Last parts of the names of metrics that are shown in percent."""


@dataclass(frozen=True)
class Figure:
    """A number as it is shown, and the name of the metric that it is."""

    text: str
    name: str


Inline = str | Figure


@dataclass(frozen=True)
class Heading:
    """Level 1…3."""

    level: int
    text: str


@dataclass(frozen=True)
class Paragraph:
    """Text with figures in it."""

    parts: tuple[Inline, ...]


@dataclass(frozen=True)
class Table:
    """Rows of cells; the first column is text, the others stand right."""

    header: tuple[str, ...]
    rows: tuple[tuple[Inline, ...], ...]


@dataclass(frozen=True)
class Picture:
    """A drawing (`flows.report.drawing`) with a name for its file, and what it shows in words."""

    name: str
    svg: str
    caption: str


Block = Heading | Paragraph | Table | Picture


@dataclass(frozen=True)
class Document:
    """Blocks in order, and the metrics that its figures come from."""

    title: str
    blocks: tuple[Block, ...]
    metrics: Mapping[str, Metric]


def shown(metric: Metric) -> str:
    """A value in few digits: percent for shares, else as `short`."""
    return percent(metric.value) if metric.name.rpartition(".")[2] in PERCENT else short(metric.value)


def short(value: float) -> str:
    """Whole numbers with commas, others with four digits."""
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def figure(metrics: Mapping[str, Metric], name: str) -> Inline:
    """The figure of a metric, or "missing"."""
    return Figure(shown(metrics[name]), name) if name in metrics else "missing"


def table(header: Sequence[str], rows: Sequence[Sequence[Inline]]) -> Table:
    """A table of sequences of any kind."""
    return Table(tuple(header), tuple(tuple(row) for row in rows))


def anchor(name: str) -> str:
    """Where the source of a metric stands."""
    return "m-" + "".join(it if it.isalnum() or it in "._" else "-" for it in name)
