"""The written report: the same from the same metrics, no figure without a source, gaps named."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from flows.base.metrics import write_metrics
from flows.report.content import NOTHING, document, reached
from flows.report.document import anchor, shown
from flows.report.gaps import gaps
from flows.report.markdown import markdown
from flows.report.page import page
from flows.report.verb import summary, write_report
from tests.flows.report.samples import LAYERS, sample_metrics

VOID = ("meta", "br", "hr", "img", "link", "input")


class Checker(HTMLParser):
    """Collects what a browser would need to agree with."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids += [values["id"] or ""] if "id" in values else []
        self.links += [values["href"] or ""] if "href" in values else []
        self.outside += [tag] if "src" in values or tag in ("script", "link") else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Nothing opens."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag


def test_equal_metrics_give_equal_bytes(tmp_path: Path) -> None:
    seen = []
    for name in ("one", "two"):
        write_metrics(sample_metrics(1).values(), tmp_path / name / "metrics.json")
        write_report(tmp_path / name)
        seen.append({path.name: path.read_bytes() for path in sorted((tmp_path / name).iterdir())})
    assert seen[0] == seen[1]
    assert {"report.md", "report.html", "area.svg", "roofline-digits.svg", "cycles-layers-digits.svg"} <= set(
        seen[0]
    )
    write_report(tmp_path / "one")
    assert (tmp_path / "one" / "report.html").read_bytes() == seen[1]["report.html"]


def test_page_is_well_formed_and_whole() -> None:
    checker = Checker()
    checker.feed(page(document(sample_metrics(2))))
    checker.close()
    assert checker.open == []
    assert len(set(checker.ids)) == len(checker.ids)
    assert checker.outside == []
    assert {link for link in checker.links if not link.startswith("#")} == set()
    assert {link[1:] for link in checker.links} <= set(checker.ids)


def test_page_has_no_fixed_widths() -> None:
    text = page(document(sample_metrics(3)))
    style = text[text.index("<style>") : text.index("</style>")]
    assert re.findall(r"(?<!max-)(?<!min-)\bwidth:\s*\d+(?:px|rem|em|pt)", style) == []
    assert re.findall(r"<(?:svg|table|img|div)[^>]* (?:width|height)=", text) == []
    assert 'name="viewport" content="width=device-width' in text
    assert "@media print" in style
    tables = text.count("<table")
    assert tables > 10
    assert len(re.findall(r'<div class="scroll"[^>]*><table', text)) == tables


@pytest.mark.parametrize("seed", [4, 5])
def test_every_figure_is_a_metric_and_leads_to_it(seed: int) -> None:
    metrics = sample_metrics(seed)
    text = markdown(document(metrics))
    body, _, sources = text.partition("## Sources")
    by_anchor = {anchor(name): metric for name, metric in metrics.items()}
    links = re.findall(r"\[([^\]!]+)\]\(#([^)]+)\)", body)
    assert len(links) > 200
    for said, where in links:
        assert said == shown(by_anchor[where]), where
        assert f'<a id="{where}"></a>' in sources
    # A cell of a table that is only a number is a figure without a source.
    cells = [
        cell.strip() for line in body.splitlines() if line.startswith("| ") for cell in line.split("|")[2:-1]
    ]
    bare = [cell for cell in cells if re.fullmatch(r"[-+\d.,]+(?: ?%)?", cell)]
    assert bare == []


def test_another_value_changes_the_text() -> None:
    metrics = sample_metrics(6)
    one = markdown(document(metrics))
    name = "ratio.energy.dense"
    changed = metrics | {name: type(metrics[name])(name, 1.2345, "1", "more", "another")}
    two = markdown(document(changed))
    assert "1.234" in two or "1.235" in two
    assert one != two


def test_what_is_missing_is_named_with_its_command() -> None:
    assert gaps(sample_metrics(7)) == []
    metrics = sample_metrics(7, without="fashion-mnist.")
    found = gaps(metrics)
    assert [gap.what for gap in found] == ["the five arithmetics on Fashion-MNIST"]
    assert "fashion-mnist.rebuild.energy" in found[0].names
    text = markdown(document(metrics))
    assert "`lightdeal arithmetics --data fashion-mnist`" in text
    assert "missing" in text
    assert "missing: the five arithmetics on Fashion-MNIST" in summary(metrics)


def test_report_of_nothing_names_everything(tmp_path: Path) -> None:
    write_metrics([], tmp_path / "metrics.json")
    said = write_report(tmp_path)
    assert "ratio.energy.dense: missing" in said
    text = (tmp_path / "report.md").read_text()
    for command in ("lightdeal arithmetics --data digits", "lightdeal area", "lightdeal synth", "opensta"):
        assert command in text
    assert list(tmp_path.glob("*.svg")) == []


def test_a_table_of_nothing_is_a_line() -> None:
    """One whose figures are all missing, and one without rows; a figure keeps the others beside it."""
    metrics = sample_metrics(9, without="power.")
    texts = [markdown(document(it)) for it in (metrics, sample_metrics(9))]
    assert [text.count(NOTHING) for text in texts] == [1, 0]
    assert "| engine 0 of SMALL" not in texts[0]
    assert "| engine 0 of SMALL" in texts[1]
    assert "missing |" in markdown(document(sample_metrics(9, without="power.mhz")))
    empty = markdown(document({}))
    assert "missing |" not in empty
    assert "| what " in empty  # the list of what is missing stays


def test_layers_stand_in_their_order() -> None:
    metrics = sample_metrics(8)
    picture = next(
        block for block in document(metrics).blocks if getattr(block, "name", "") == "energy-layers-digits"
    )
    places = [picture.svg.index(f">{path}</text>") for path in LAYERS]  # type: ignore[union-attr]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("value", "sign", "bound", "aim", "said"),
    [
        (1.9, "≥", 2, 4, "no"),
        (2.0, "≥", 2, 4, "yes"),
        (4.0, "≥", 2, 4, "aim"),
        (191.0, "≤", 190, 120, "no"),
        (190.0, "≤", 190, 120, "yes"),
        (120.0, "≤", 190, 120, "aim"),
        (0.5, "≤", 0.5, 0.5, "yes"),
        (7.0, "", 0, 0, ""),
    ],
)
def test_what_is_reached(value: float, sign: str, bound: float, aim: float, said: str) -> None:
    assert reached(value, sign, bound, aim) == said
