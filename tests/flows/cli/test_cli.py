"""The command line: its words, its exit codes, and a user's own network on the whole way."""

import re
import subprocess
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.cli import main
from flows.cli.verbs import VERBS
from golden.compress import compress

MODULE = """
import torch
from torch import nn

def factory():
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(2, 6, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3)
    )

def pooled():
    return nn.Sequential(nn.Conv2d(2, 6, 3), nn.GELU())

def number():
    return 7
"""


def lightdeal(line: str) -> int:
    """The exit code of a command line without quotes."""
    return main(line.split())


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a user's module and images; the working directory."""
    rng = np.random.default_rng(3)
    (tmp_path / "my_module.py").write_text(MODULE)
    images = rng.normal(size=(20, 2, 8, 8)).astype(np.float32)
    np.savez(tmp_path / "arrays.npz", images=images, labels=rng.integers(0, 3, 20))
    np.savez(tmp_path / "unlabelled.npz", images=images)
    np.savez(tmp_path / "flat.npz", images=images[0, 0, 0], labels=np.zeros(2))
    np.savez(tmp_path / "short.npz", images=images, labels=np.zeros(3, np.int64))
    np.savez(tmp_path / "small.npz", images=images[:, :1])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_own_network_from_module_to_golden(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    compress = "compress my_module.py:factory --data arrays.npz --epochs 1 --density 0.5 --out a/b.net"
    assert lightdeal(compress + " --config tiny") == 0
    assert "network: a/b.net" in capsys.readouterr().out
    assert lightdeal("compile a/b.net --config tiny --out c/d.ldp") == 0
    assert re.search(r"\d+ cycles an image .* bits a weight\nprogram: c/d.ldp", capsys.readouterr().out)
    assert lightdeal("run c/d.ldp --data arrays.npz --on golden --images 7 --changed 1") == 0
    out = capsys.readouterr().out
    assert "golden: 7 images" in out
    assert re.search(r"accuracy: [\d.]+ %", out)
    assert f"golden machine against the reference network: {7 * (6 + 3):,} values, 0 mismatches" in out
    assert lightdeal("handoff c/d.ldp --data unlabelled.npz --images 1 --out handoff") == 0
    assert (own / "handoff" / "testbench.v").exists()
    assert sorted(entry.name for entry in own.iterdir() if entry.is_dir()) >= ["a", "c", "handoff"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("compress my_module.py --data arrays.npz", "expected FILE.py:FACTORY"),
        ("compress none.py:factory --data arrays.npz", "no file 'none.py'"),
        ("compress my_module.py:none --data arrays.npz", "nothing is called none; the file has factory"),
        ("compress my_module.py:number --data arrays.npz", "number returned int; expected a torch.nn.Module"),
        ("compress my_module.py:pooled --data arrays.npz", "GELU"),
        ("compress my_module.py:factory --data none.npz", "neither an .npz file that can be read nor"),
        (
            "compress my_module.py:factory --data flat.npz",
            "found float32 of shape (8,); expected numbers",
        ),
        ("compress my_module.py:factory --data short.npz", "labels: found int64 of shape (3,); expected 20"),
        ("compress my_module.py:factory --data unlabelled.npz", "re-training needs labels"),
        ("compress my_module.py:factory --data arrays.npz --density 0", "legal: above 0, up to 1"),
        ("compress my_module.py:factory --data arrays.npz --config huge", "neither a preset"),
        ("compile my_module.py", "network my_module.py: not a LightDeal network file"),
        ("compile none.net", "network none.net: cannot be read"),
        ("run my_module.py --data arrays.npz", "not a LightDeal program file"),
        (
            "demo --config none.toml",
            "neither a preset (tiny, small, default, small-learning) nor a .toml file",
        ),
        ("verilog --config none.toml", "neither a preset"),
        ("report readme --root none", "text none/README.md: cannot be read"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    arguments: str, words: str, own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lightdeal(arguments) == 2
    captured = capsys.readouterr()
    lines = [line for line in captured.err.splitlines() if line.startswith("lightdeal: ")]
    assert len(lines) == 1
    assert words in lines[0]
    assert "Traceback" not in captured.err
    assert captured.out == ""
    assert not (own / "build").exists()


def test_a_network_outlives_the_place_that_it_was_meant_for(
    own: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The place is right before the training, and has gone after it."""

    def compress_and_spoil(*arguments: Any, **options: Any) -> Any:
        made = compress(*arguments, **options)
        # Empty: what kept the training has gone.
        (own / "results").rmdir()
        (own / "results").write_text("a file by now")
        return made

    monkeypatch.setattr("flows.user.own_compress.compress", compress_and_spoil)
    line = "compress my_module.py:factory --data arrays.npz --epochs 1 --density 0.5 --config tiny"
    assert lightdeal(f"{line} --out results/network.net") == 2
    last = capsys.readouterr().err.splitlines()[-1]
    found = re.fullmatch(
        r"lightdeal: results/network.net: cannot be written: \S+/results is a file; it is kept in (\S+)", last
    )
    assert found is not None
    assert lightdeal(f"compile {found[1]} --config tiny --out x.ldp") == 0


def test_labels_must_be_classes_of_the_network(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = np.zeros((4, 2, 8, 8), np.float32)
    np.savez(own / "many.npz", images=images, labels=np.arange(4))
    assert lightdeal("compress my_module.py:factory --data many.npz --config tiny") == 2
    words = "data 'many.npz': training labels: found 0…3; the network's last layer '4' has classes 0…2"
    assert words in capsys.readouterr().err


def test_the_handoff_is_called_by_a_path_as_the_shell_takes_it(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compress = "compress my_module.py:factory --data unlabelled.npz --epochs 0 --out x.net --config tiny"
    assert lightdeal(compress) == 0
    assert lightdeal("compile x.net --out x.ldp --config tiny") == 0
    (own / "it's a").mkdir()
    (own / "it's a" / "folder.v").write_text("theirs")
    capsys.readouterr()
    place = "it's a/folder.here"
    assert main(["handoff", "x.ldp", "--data", "unlabelled.npz", "--images", "1", "--out", place]) == 0
    line = capsys.readouterr().out.strip()
    done = subprocess.run(["sh", "-c", line], cwd=own, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip().splitlines()[-1][:4]) == (0, "PASS")
    # What lies beside is left alone.
    assert sorted(it.name for it in (own / "it's a").iterdir()) == ["folder.here", "folder.v"]


def test_images_must_fit_the_program(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    compress = "compress my_module.py:factory --data unlabelled.npz --epochs 0 --out x.net --config tiny"
    assert lightdeal(compress) == 0
    assert lightdeal("compile x.net --out x.ldp --config tiny") == 0
    capsys.readouterr()
    assert lightdeal("run x.ldp --data small.npz --on golden") == 2
    assert "images of shape (1, 8, 8); the program takes (2, 8, 8)" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["no-verb"],
        ["lightnorm"],
        ["report", "weather"],
        ["demo", "--images", "0"],
        ["demo", "--data", "cifar"],
    ],
)
def test_wrong_arguments_end_in_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "usage: lightdeal" in capsys.readouterr().err


@pytest.mark.parametrize("verb", VERBS)
def test_help_shows_defaults(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*verb.split(), "--help"]) == 0
    out = capsys.readouterr().out
    defaults = [it for it in fields(VERBS[verb].options) if it.default is not MISSING]
    assert ("default: " in out) == bool(defaults)


def test_verilog_is_written(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lightdeal("verilog --config tiny --out v/accelerator.v") == 0
    assert capsys.readouterr().out == "v/accelerator.v\n"
    assert "module accelerator(" in (own / "v/accelerator.v").read_text()
