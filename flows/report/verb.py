"""`lightdeal report`: measure what is not measured yet, collect, write."""

from collections.abc import Mapping
from pathlib import Path

from flows.files import write_whole
from flows.metrics import Metric, read_metrics, write_metrics
from flows.options import FullReport
from flows.progress import bar
from flows.report.collect import collect
from flows.report.content import GOALS, document
from flows.report.document import Picture, figure
from flows.report.gaps import gaps
from flows.report.markdown import markdown
from flows.report.page import page


def report(options: FullReport) -> str:
    """Leaves metrics.json, report.md with its pictures, and report.html in `options.build`/report.

    What is missing is named with the command that makes it. Returns the figures that are asked for.
    Raises LightDealError if a file that is there cannot be read.
    """
    if options.measure:
        from flows.report.measure import measure_all

        with bar("measurements") as progress:
            measure_all(progress)
    out = options.build / "report"
    write_metrics(collect(options.build), out / "metrics.json")
    return write_report(out)


def write_report(out: Path) -> str:
    """Write report.md, its pictures and report.html from metrics.json in `out`, byte for byte."""
    metrics = read_metrics(out / "metrics.json")
    made = document(metrics)
    for block in made.blocks:
        if isinstance(block, Picture):
            write_whole(out / f"{block.name}.svg", block.svg + "\n")
    write_whole(out / "report.md", markdown(made))
    path = write_whole(out / "report.html", page(made))
    return f"{summary(metrics)}\n\n{path}, {out / 'report.md'}"


def summary(metrics: Mapping[str, Metric]) -> str:
    """The figures that are asked for, a line each, and what is missing."""
    lines = []
    for name, what, sign, bound, _ in GOALS:
        value = figure(metrics, name)
        shown = value if isinstance(value, str) else value.text
        lines.append(f"{name}: {shown} ({what}{f'; {sign} {bound:g} asked' if sign else ''})")
    lines += [f"missing: {gap.what}: {gap.command.replace('`', '')}" for gap in gaps(metrics)]
    return "\n".join(lines)
