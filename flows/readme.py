"""The results in README.md, written from a demo's files and never by hand."""

from pathlib import Path

from flows.files import read_text, write_whole
from flows.metrics import read_metrics
from flows.options import ReadmeReport
from flows.plots import summary
from golden.spec.errors import LightDealError

BEGIN, END = "<!-- results: written by `lightdeal report readme` -->", "<!-- end of results -->"
PICTURE = Path("docs/results.svg")
"""Beside the README."""


def update_readme(options: ReadmeReport) -> str:
    """Put the report of a demo between the markers of the README, and draw its picture.

    Raises LightDealError if the metrics, the report beside them or the markers are missing.
    """
    metrics = read_metrics(options.metrics)
    report = options.metrics.with_name("report.md")
    if not report.is_file():
        raise LightDealError(f"report {report}: missing; run the demo first")
    text = between(read_text(options.readme, "readme"), read_text(report, "report"), str(options.readme))
    write_whole(options.readme, text)
    picture = options.readme.parent / PICTURE
    picture.parent.mkdir(exist_ok=True)
    summary(picture, {name: metric.value for name, metric in metrics.items()})
    return f"{options.readme} and {picture} hold the results of {options.metrics}"


def between(text: str, report: str, where: str) -> str:
    """The text with the report between its markers. Raises LightDealError if there is no pair of them."""
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise LightDealError(f"readme {where}: no {BEGIN!r} with {END!r} behind it")
    return f"{head}{BEGIN}\n\n{report.strip()}\n\n{END}{tail}"
