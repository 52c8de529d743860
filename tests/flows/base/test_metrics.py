import json
from pathlib import Path

import pytest

from flows.base.files import whole_folder, write_whole
from flows.base.metrics import Metric, percent, read_metrics, table, write_metrics
from golden.spec.errors import LightDealError

CYCLES = Metric("cycles.per_image", 1234, "cycles", "less", "a test")


def test_metrics_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "metrics.json"
    write_metrics([CYCLES, Metric("accuracy.rtl", 0.98, "1", "more", "a test")], path)
    entries = json.loads(path.read_text())
    assert [sorted(entry) for entry in entries] == [["better", "name", "source", "unit", "value"]] * 2
    assert read_metrics(path)["cycles.per_image"] == CYCLES


def test_a_name_stands_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'cycles\.per_image' is given twice"):
        write_metrics([CYCLES, CYCLES], tmp_path / "metrics.json")
    assert not list(tmp_path.iterdir())


def test_the_direction_is_one_of_three() -> None:
    with pytest.raises(ValueError, match=r"metric x: better = 'up'; legal: \('more', 'less', 'neither'\)"):
        Metric("x", 1, "1", "up", "a test")


@pytest.mark.parametrize("text", ["{", '[{"name": "x"}]', '["x"]'])
def test_foreign_metrics_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "metrics.json"
    path.write_text(text)
    with pytest.raises(LightDealError, match=r"metrics\.json: not a list of metrics"):
        read_metrics(path)


def test_missing_metrics_say_so(tmp_path: Path) -> None:
    with pytest.raises(LightDealError, match=r"cannot be read: No such file or directory; make them first"):
        read_metrics(tmp_path / "none.json")


@pytest.mark.parametrize("text", ["{}", "7", '[{"name": "a"}]', '["a"]', "[", "[1e999"])
def test_other_files_are_no_metrics(text: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_text(text)
    with pytest.raises(LightDealError, match=r"^metrics .*/x: not a list of metrics: "):
        read_metrics(tmp_path / "x")


def test_fractions_as_percentages() -> None:
    assert [percent(value) for value in (0.99444, 0.0, 1.0)] == ["99.44 %", "0.00 %", "100.00 %"]


def test_tables_are_markdown() -> None:
    assert table(["layer", "n"], [["a", 1], ["long", 20]]).splitlines() == [
        "| layer |  n |",
        "|-------|---:|",
        "| a     |  1 |",
        "| long  | 20 |",
    ]


def interrupted(folder: Path) -> None:
    with whole_folder(folder, "x") as partial:
        (partial / "x").write_text("new")
        raise KeyboardInterrupt


def test_an_interrupted_write_changes_nothing(tmp_path: Path) -> None:
    """A file that cannot be written whole leaves the old one; a folder likewise."""
    path = write_whole(tmp_path / "x", "old")
    with pytest.raises(TypeError):
        write_whole(path, None)  # type: ignore[arg-type]
    assert path.read_text() == "old"

    folder = tmp_path / "folder"
    with whole_folder(folder, "x") as partial:
        (partial / "x").write_text("old")
    with pytest.raises(KeyboardInterrupt):
        interrupted(folder)
    assert (folder / "x").read_text() == "old"
    with whole_folder(folder, "x") as partial:
        assert not list(partial.iterdir())
        (partial / "y").write_text("new")
    assert [entry.name for entry in folder.iterdir()] == ["y"]
