"""Kept networks: what is trained, what is kept, and what damaged files say."""

import json
from pathlib import Path

import pytest

from flows.base.jobs import Job
from flows.explore import networks
from flows.explore.networks import network_path, read_trained, trained_networks, wanted_patterns
from golden.graph.network_file import save
from golden.spec.errors import LightDealError
from tests.flows.explore.sweep_networks import tiny_networks


def keep(folder: Path, name: str, recipe: str) -> Path:
    """A tiny network in the place of a trained one."""
    path = network_path(folder, "digits", name, 1)
    save(tiny_networks()["group"].network, path)
    about = {"accuracy": 0.5, "kept": 0.25, "digest": networks._digest(path), "recipe": recipe}
    path.with_suffix(".json").write_text(json.dumps(about))
    return path


def test_a_kept_network_is_read(tmp_path: Path) -> None:
    path = keep(tmp_path, "basis-0.2", "once")
    found = read_trained(path, "once")
    assert found is not None
    assert (found.accuracy, found.kept) == (0.5, 0.25)
    assert set(found.network.features) == set(tiny_networks()["group"].network.features)


def test_one_of_another_recipe_is_trained_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = keep(tmp_path, "basis-0.2", "once")
    assert read_trained(path, "otherwise") is None
    assert f"{path}: trained by another recipe; trained again" in capsys.readouterr().err
    assert read_trained(tmp_path / "none.net", "once") is None


def test_damaged_files_say_what_to_do(tmp_path: Path) -> None:
    path = keep(tmp_path, "basis-0.2", "once")
    about = path.with_suffix(".json")
    whole, text = path.read_bytes(), about.read_text()
    path.write_bytes(whole[:-1])
    with pytest.raises(LightDealError, match=r"basis-0.2.*\.net: not the one that .*\.json is about; remove"):
        read_trained(path, "once")
    path.unlink()
    with pytest.raises(LightDealError, match=r"cannot be read: No such file.*; remove .*\.json to train it"):
        read_trained(path, "once")
    path.write_bytes(whole)
    for damaged in (text[:-4], "[]", '{"recipe": "once"}', text.replace("0.5", "[]")):
        about.write_text(damaged)
        with pytest.raises(
            LightDealError, match=r"\.json is damaged \(.*\); remove .*\.json to train it again"
        ):
            read_trained(path, "once")


def test_only_what_is_missing_is_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    patterns = wanted_patterns([0.3, 0.2])
    assert list(patterns) == ["basis-0.3", "basis-0.2", "no-basis-0.3", "no-basis-0.2"]
    recipes = {name: networks._recipe("digits", pattern) for name, pattern in patterns.items()}
    assert len(set(recipes.values())) == 4
    keep(tmp_path, "basis-0.2", recipes["basis-0.2"])
    keep(tmp_path, "no-basis-0.2", "an older recipe")
    asked: list[list[str]] = []

    def instead(jobs: dict[str, Job], workers: int | None = None) -> dict[str, object]:
        asked.append(list(jobs))
        for name in jobs:
            if name != "float":
                keep(tmp_path, name, recipes[name])
        return dict.fromkeys(jobs, b"")

    monkeypatch.setattr(networks, "run_jobs", instead)
    found = trained_networks("digits", [0.3, 0.2], 1, tmp_path, 1)
    assert asked == [["float"], ["basis-0.3", "no-basis-0.3", "no-basis-0.2"]]
    assert list(found) == list(patterns)
    trained_networks("digits", [0.3, 0.2], 1, tmp_path, 1)
    assert len(asked) == 2, "kept networks are not trained again"
