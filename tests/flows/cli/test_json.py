"""--json and --quiet: results as one object, nothing beside them."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from flows.base.files import save_whole
from flows.cli import main
from golden.compiler import compile_network
from golden.graph import network_file
from golden.spec.config import TINY
from tests.golden.compressed import compressed, images, residual


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network, its program and images for it."""
    place = tmp_path_factory.mktemp("json")
    made = compressed(residual())
    save_whole(place / "it.net", partial(network_file.save, made.network))
    save_whole(place / "it.ldp", compile_network(made.network, TINY).save)
    np.savez(place / "it.npz", images=images(2).numpy())
    return place


def call(line: str) -> int:
    """The exit code of a command line without quotes."""
    return main(line.split())


@pytest.fixture(autouse=True)
def _here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


@pytest.mark.long
def test_a_run_as_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(
        ["run", "it.ldp", "--data", "it.npz", "--on", "amaranth", "--changed", "1", "--json", "--quiet"]
    )
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert captured.err == ""
    assert (found["verb"], found["exit_code"], found["passed"]) == ("run", code, code == 0)
    assert found["values"]["images"] == 2
    assert found["values"]["mismatch"] is None
    assert found["values"]["cycles"] > 0
    (tensors,) = found["tables"]
    assert {"tensor", "signal to noise"} <= set(tensors[0])
    assert found["text"][0] == "amaranth: 2 images"


def test_a_compilation_as_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("compile it.net --config tiny --out other.ldp --json") == 0
    captured = capsys.readouterr()
    values = json.loads(captured.out)["values"]
    assert values["program"] == "other.ldp"
    assert values["cycles"] >= values["bound"] > 0
    assert "compilation" in captured.err


def test_quiet_keeps_warnings(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(folder / "wide.npz", images=100 * images(2).numpy())
    assert (
        main(
            [
                "run",
                "it.ldp",
                "--data",
                "wide.npz",
                "--on",
                "golden",
                "--snr",
                "0",
                "--changed",
                "1",
                "--quiet",
            ]
        )
        == 0
    )
    err = capsys.readouterr().err
    assert err.startswith("WARNING: data 'wide.npz': images: ")
    assert len(err.splitlines()) == 1


def test_quiet_ends_with_the_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("run it.ldp --data it.npz --on golden --changed 1 --quiet") in (
        0,
        1,
    )
    assert capsys.readouterr().err == ""
    assert call("run it.ldp --data it.npz --on golden --changed 1") in (0, 1)
    assert "golden machine" in capsys.readouterr().err


def test_what_is_wrong_is_no_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("compile none.net --json") == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "lightdeal: network none.net: cannot be read: No such file or directory\n"
