"""The verb from end to end on tiny networks; the syntheses that confirm its points are made up."""

import fcntl
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from flows.base.metrics import read_metrics
from flows.cli import main
from flows.explore import verb
from flows.explore.area import dsps_of
from flows.explore.candidates import candidates
from flows.explore.commands import AREA_MODEL, Explore
from flows.explore.confirm import confirm
from flows.explore.fitted import read_model
from flows.explore.folder import sweep_folder
from flows.explore.memories import clocked_rams
from flows.explore.networks import Trained
from flows.explore.points import Measured, measure_point
from flows.explore.space import Point, draw_points
from flows.synth.area import Area
from golden.progress import Progress
from golden.spec.config import Config, load_config
from golden.spec.errors import LightDealError
from tests.flows.explore.sweep_networks import tiny_networks


def made_up(config: Config, dsp: bool, out: Path, progress: Progress) -> Area:
    """Half the sites that the model says; memories and DSP blocks as it says."""
    progress("no synthesis", 1.0)
    sites = round(read_model(AREA_MODEL)[0].sites(config, dsp) / 2)
    dsps = dsps_of(config) if dsp else 0
    return Area({}, sites, 0, dsps, clocked_rams(config).block_rams, 0, 0.0)


def use_tiny_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the place of those that would be trained."""
    monkeypatch.setattr(verb, "wanted_patterns", lambda _: tiny_networks())
    monkeypatch.setattr(verb, "trained_networks", lambda *_: tiny_networks())


def test_a_chosen_point_stands_beside_its_synthesis(tmp_path: Path) -> None:
    networks = tiny_networks()
    points = [replace(draw_points(list(networks), 1, 1)[0], dsp=True)]
    [some] = candidates(points, [Measured("a", "", 5, 1.0)], networks, read_model(AREA_MODEL)[0])
    text, worst = confirm({3: some}, tmp_path, 1, made_up)
    [line] = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()[2:]]
    rams, dsps = str(some.block_rams), str(some.dsps)
    assert line[0] == "point 3"
    assert line[3:] == ["+100.0 %", rams, rams, dsps, dsps]
    assert worst == pytest.approx(1, abs=1e-3)


@pytest.mark.long
def test_a_sweep_from_end_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_tiny_networks(monkeypatch)
    monkeypatch.setattr(verb, "confirm", partial(confirm, measure=made_up))
    monkeypatch.setattr(verb, "is_current", lambda _: False)
    options = Explore(points=8, workers=1, confirm=1, out=tmp_path / "out")
    text = verb.explore(options)
    metrics = read_metrics(options.out / "metrics.json")
    assert metrics["explore.points"].value == 8
    assert metrics["explore.confirmed.worst_error"].value == pytest.approx(1, abs=1e-3)
    front = int(metrics["explore.front"].value)
    files = sorted(options.out.glob("front/*.toml"))
    assert len(files) == front > 0
    assert all(load_config(str(path)).engines for path in files)
    assert f"no other beats {front} of these" in text
    assert "The hardware has changed since that model was fitted" in text
    assert (options.out / "front.md").read_text() in text + "\n"
    for name in ("cycles_area.png", "accuracy_energy.png"):
        assert (options.out / name).read_bytes().startswith(b"\x89PNG")
    lines = (options.out / "points.jsonl").read_text().splitlines()
    keys = [json.loads(line)["key"] for line in lines]
    assert len(keys) == len(set(keys)), "nothing is measured twice"
    assert text.startswith(verb.explore(replace(options, confirm=0)).rpartition("\n\n")[0])
    assert (options.out / "points.jsonl").read_text().splitlines() == lines


def measure_here(points: Sequence[Point], networks: Mapping[str, Trained], *_: object) -> list[Measured]:
    """In this process, and not kept."""
    return [measure_point("key", networks[point.network].network, point) for point in points]


def test_the_front_is_written_before_the_syntheses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> tuple[str, float]:
        raise KeyboardInterrupt

    use_tiny_networks(monkeypatch)
    monkeypatch.setattr(verb, "measure_all", measure_here)
    monkeypatch.setattr(verb, "confirm", killed)
    with pytest.raises(KeyboardInterrupt):
        verb.explore(Explore(points=4, workers=1, confirm=1, out=tmp_path))
    assert "no other beats" in (tmp_path / "front.md").read_text()


def test_nothing_fits_says_what_is_too_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_tiny_networks(monkeypatch)
    monkeypatch.setattr(verb, "measure_all", measure_here)
    axes = tmp_path / "axes.toml"
    axes.write_text("engines = [1]\ncoefficient_words = [4]\n")
    with pytest.raises(LightDealError, match=r"none of 3 points fits; .*'coefficient_words': 3.*--axes"):
        verb.explore(Explore(points=3, axes=axes, workers=1, out=tmp_path / "out"))


def test_a_folder_that_cannot_be_used_is_named_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    # For root no folder is closed; a file in its place is for everybody.
    assert main(["explore", "--out", str(tmp_path / "file" / "out")]) == 2
    said = capsys.readouterr().err
    assert f"below {tmp_path / 'file'}, which is a file; name another place with --out" in said


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_tiny_networks(monkeypatch)
    (tmp_path / "points.jsonl").mkdir()
    words = r"points.jsonl cannot be used: Is a directory; what is finished is kept: call again"
    with pytest.raises(LightDealError, match=words):
        verb.explore(Explore(points=1, workers=1, out=tmp_path))


def test_two_sweeps_in_one_folder_do_not_meet(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        words = r"another sweep is at work in it; wait for it"
        with pytest.raises(LightDealError, match=words), sweep_folder(tmp_path):
            pass
    with sweep_folder(tmp_path):
        pass


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (Explore(confirm=-1), r"confirm -1; legal: 0 or more"),
        (Explore(points=0), r"points 0; legal: 1 or more"),
        (Explore(densities=(0.2, 1.5)), r"density 1.5; legal: above 0, up to 1"),
        (Explore(densities=()), r"densities: none; legal: at least one"),
    ],
)
def test_wrong_options_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: Explore, words: str
) -> None:
    with pytest.raises(LightDealError, match=words):
        verb.explore(replace(options, out=tmp_path))
