"""From a build's metrics to kept figures and written texts; what is of other code, or damaged."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from flows.base.metrics import Metric, write_metrics
from flows.base.provenance import write_provenance
from flows.base.sources import sources_digest
from flows.bench.commands import Bench
from flows.cli import main
from flows.figures import verb
from flows.figures.commands import ReadmeReport
from flows.figures.groups import GROUPS, Group
from flows.figures.kept import Kept, read, stale_groups, take, write
from golden.spec.config import TINY
from golden.spec.errors import LightDealError

ROOTS = ("flows.base.metrics", "golden.spec.errors")
GROUP = Group("it", "it/metrics.json", "it/about.json", "./run it", 1, ("a.*",), text="it/report.md")
PAGE = "head\n<!-- it: written by `./run report readme` -->\nold\n<!-- end of it -->\ntail\n"


def leave(build: Path, value: float = 0.5) -> None:
    """What a command leaves."""
    metrics = [Metric("a.b", value, "1", "more", "a test"), Metric("c", 1, "1", "more", "a test")]
    write_metrics(metrics, build / "it/metrics.json")
    (build / "it/report.md").write_text("one\n\ntwo\n")
    write_provenance(Bench(), TINY, build / "it/about.json", ROOTS)


def taken(build: Path) -> Kept:
    found = take(GROUP, build)
    assert isinstance(found, Kept), found
    return found


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    leave(tmp_path)
    kept = taken(tmp_path)
    assert kept.values == {"a.b": 0.5}
    assert (kept.roots, kept.digest, kept.text) == (ROOTS, sources_digest(ROOTS), "one\n\ntwo\n")
    write(GROUP, kept, tmp_path, tmp_path / "results")
    assert read(GROUP, tmp_path / "results") == kept
    assert read(GROUP, tmp_path) is None


def test_measurements_of_other_code_are_not_kept(tmp_path: Path) -> None:
    assert take(GROUP, tmp_path) == "not measured here"
    leave(tmp_path)
    about = tmp_path / "it/about.json"
    whole = json.loads(about.read_text())
    whole["sources"]["digest"] = "0" * 16
    about.write_text(json.dumps(whole))
    assert take(GROUP, tmp_path) == f"{tmp_path}/it/metrics.json was measured on other code"
    del whole["sources"]
    about.write_text(json.dumps(whole))
    assert take(GROUP, tmp_path) == f"{about} does not say what code was measured"
    leave(tmp_path)
    lacking = replace(GROUP, names=("a.*", "d.*"))
    assert take(lacking, tmp_path) == f"{tmp_path}/it/metrics.json lacks d.*"


def test_stale_groups_are_named(tmp_path: Path) -> None:
    leave(tmp_path)
    kept = taken(tmp_path)
    other = replace(kept, digest="f" * 16, made={"date": "2026-01-02"})
    gone = replace(kept, roots=("flows.no_such_module",), made={})
    groups = [replace(GROUP, name=name) for name in ("now", "other", "gone", "never")]
    found = stale_groups({"now": kept, "other": other, "gone": gone}, groups)
    assert [(group.name, why) for group, why in found] == [
        ("other", "measured on other code (ffffffffffffffff, 2026-01-02)"),
        ("gone", f"measured on other code ({kept.digest}, no date)"),
        ("never", "never measured"),
    ]


@pytest.mark.parametrize("text", ["nothing", "[]", "{}", '{"metrics": [{"name": "a"}]}'])
def test_a_damaged_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "it.json").write_text(text)
    with pytest.raises(LightDealError, match=r"^results .*it\.json: "):
        read(GROUP, tmp_path)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one page and one block."""
    monkeypatch.setattr(verb, "GROUPS", (GROUP,))
    monkeypatch.setattr(verb, "is_current", lambda _: True)
    monkeypatch.setattr("flows.figures.kept.GROUPS", (GROUP,))
    monkeypatch.setattr(verb, "stale_groups", lambda kept: stale_groups(kept, (GROUP,)))
    blocks = {
        "other": lambda kept: str(kept["gone"]),
        "it": lambda kept: f"{kept['it'].values['a.b']:.1%}" if "it" in kept else "Not measured.",
    }
    original = verb.fill
    monkeypatch.setattr(verb, "fill", lambda path, kept: original(path, kept, blocks))
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("nothing\n")
    (tmp_path / "docs/page.md").write_text(PAGE)
    return tmp_path


def test_texts_are_written_from_what_is_kept(root: Path) -> None:
    options = ReadmeReport(root / "build", root)
    page = root / "docs/page.md"
    said = verb.update_texts(options)
    assert "it: left as it was: not measured here" in said
    assert "stale: it: never measured; about 1 minutes of a core: ./run it" in said
    assert "Not measured." in page.read_text()
    leave(root / "build")
    said = verb.update_texts(options)
    assert f"it: kept in {root}/docs/results/it.json\nwritten: {page}" in said
    assert "stale" not in said
    assert page.read_text() == PAGE.replace("\nold\n", "\n\n50.0%\n\n")
    assert verb.update_texts(options) == f"it: kept in {root}/docs/results/it.json"
    assert page.read_text() == PAGE.replace("\nold\n", "\n\n50.0%\n\n")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (PAGE.replace("end of it", "end of that"), "1 blocks begin, 0 of them end"),
        (PAGE.replace(" it", " that"), "unknown block 'that'; legal: other, it"),
        (
            PAGE.replace(" it", " other"),
            "block 'other': 'gone' is not among the kept metrics; measure it again",
        ),
    ],
)
def test_a_wrong_block_stops_all(root: Path, text: str, why: str) -> None:
    page = root / "docs/page.md"
    page.write_text(text)
    leave(root / "build")
    with pytest.raises(LightDealError, match=f"text .*page.md: {why}"):
        verb.update_texts(ReadmeReport(root / "build", root))
    assert page.read_text() == text
    assert not (root / "docs/results").exists()


def test_stale_says_so_by_its_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(verb, "is_current", lambda _: False)
    assert main(["report", "stale"]) == 1
    lines = capsys.readouterr().out.splitlines()
    names = [line.split(":")[1].strip() for line in lines]
    assert names == [*(group.name for group in GROUPS), "area.json, the area model"]
    monkeypatch.setattr(verb, "is_current", lambda _: True)
    monkeypatch.setattr(verb, "stale_groups", lambda _: [])
    assert main(["report", "stale"]) == 0
    assert capsys.readouterr().out == "every kept figure was measured on this code\n"
