"""`lightdeal report`: measure what is not measured yet, collect, write."""

from collections.abc import Collection, Mapping
from pathlib import Path

from flows.base.files import write_whole
from flows.base.metrics import Metric, read_metrics, write_metrics
from flows.base.progress import bar
from flows.base.provenance import is_current, write_provenance
from flows.base.roots import REPORT
from flows.report.collect import collect
from flows.report.commands import FullReport
from flows.report.content import GOALS, document
from flows.report.document import Picture, figure
from flows.report.gaps import gaps
from flows.report.markdown import markdown
from flows.report.names import NETWORKS
from flows.report.page import page
from golden.spec.config import SMALL


def report(options: FullReport) -> str:
    """Leaves metrics.json, report.md with its pictures, and report.html in `options.build`/report.

    What is missing is named with the command that makes it. Returns the figures that are asked for.
    Raises LightDealError if a file that is there cannot be read.
    """
    if options.measure:
        from flows.report.measure import measure_all

        with bar("measurements") as progress:
            left_out = measure_all(progress)
        note_sources(options, [it.partition(":")[0] for it in left_out])
    out = options.build / "report"
    write_metrics(collect(options.build), out / "metrics.json")
    return write_report(out)


def note_sources(options: FullReport, left_out: Collection[str]) -> None:
    """Write in `options.build`/report what code was measured, for the figures of README.md.

    about.json is for the first network and the areas, about-NETWORK.json for another one. There is none of
    what could not be measured, or was measured with programs that other code made.

    Parameters
    ----------
    left_out: names of the steps of `flows.report.measure` that failed or lacked something.
    """
    from flows.report.measure import POWER

    first, *others = NETWORKS
    networks = {f"network {data}" for data in others}
    complete = not set(left_out) - networks - {POWER}
    for data in NETWORKS:
        name = "about.json" if data == first else f"about-{data}.json"
        path = options.build / "report" / name
        known = is_current(options.build / "arithmetics" / f"{data}-about.json")
        if complete and known and f"network {data}" not in left_out:
            write_provenance(options, SMALL, path, REPORT)
        else:
            path.unlink(missing_ok=True)


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
