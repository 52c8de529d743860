"""Metrics: named numbers with unit, direction and source, and the tables made of them."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from flows.base.files import one_line, write_whole
from golden.spec.errors import LightDealError

BETTER = ("more", "less", "neither")


@dataclass(frozen=True)
class Metric:
    """One number of a report.

    Parameters
    ----------
    name: dotted name, unique in a report.
    value: the number.
    unit: its unit; "1" for fractions and counts.
    better: "more", "less" or "neither".
    source: the code that measured it, and on what.
    """

    name: str
    value: float
    unit: str
    better: str
    source: str

    def __post_init__(self) -> None:
        texts = (self.name, self.unit, self.better, self.source)
        number = isinstance(self.value, int | float) and not isinstance(self.value, bool)
        if not (number and all(isinstance(text, str) for text in texts)):
            raise ValueError(
                f"metric {self.name!r}: value {self.value!r}; expected a number, and texts beside it"
            )
        if self.better not in BETTER:
            raise ValueError(f"metric {self.name}: better = {self.better!r}; legal: {BETTER}")


def write_metrics(metrics: Iterable[Metric], path: Path) -> None:
    """Write a JSON list of {name, value, unit, better, source}. Raises ValueError on a repeated name."""
    write_whole(path, metrics_text(metrics))


def metrics_text(metrics: Iterable[Metric]) -> str:
    """The text of that list. Raises ValueError on a repeated name."""
    entries = [asdict(metric) for metric in metrics]
    names = [entry["name"] for entry in entries]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"metrics: {repeated[0]!r} is given twice")
    return json.dumps(entries, indent=1) + "\n"


def read_metrics(path: Path) -> dict[str, Metric]:
    """Metrics by name. Raises LightDealError if the file is missing or holds something else."""
    try:
        entries = json.loads(path.read_text())
        if not isinstance(entries, list):
            raise TypeError(f"a JSON {type(entries).__name__}")
        return {entry["name"]: Metric(**entry) for entry in entries}
    except OSError as error:
        raise LightDealError(f"metrics {path}: cannot be read: {error.strerror}; make them first") from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise LightDealError(f"metrics {path}: not a list of metrics: {one_line(error)}") from error


def percent(value: float) -> str:
    """A fraction of 1 as a percentage with two digits."""
    return f"{100 * value:.2f} %"


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A text table that is also Markdown; the first column is left-aligned, the others right."""
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = []
    for row in cells:
        padded = [
            f"{cell:>{width}}" if column else f"{cell:<{width}}"
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("| " + " | ".join(padded) + " |")
    rule = ["-" * (width + 1) + (":" if column else "-") for column, width in enumerate(widths)]
    return "\n".join([lines[0], "|" + "|".join(rule) + "|", *lines[1:]])


def rows_of(text: str) -> list[list[dict[str, str]]]:
    """The tables of a text as `table` writes them: for each of them its rows, head → cell."""
    tables: list[list[dict[str, str]]] = []
    head: list[str] | None = None
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            head = None
        elif head is None:
            head = cells
            tables.append([])
        elif not all(set(cell) <= set("-:") for cell in cells):
            tables[-1].append(dict(zip(head, cells, strict=False)))
    return tables
