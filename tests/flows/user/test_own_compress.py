"""`compress` on the command line: what it refuses before training, and what it says of its result."""

from pathlib import Path

import numpy as np
import pytest
import torch

from flows.cli import main
from golden.compiler import compile_network
from golden.cycles.timing import count_cycles
from golden.graph import network_file
from golden.spec.config import SMALL
from golden.workloads import loop
from golden.workloads.loop import shifted

MODULE = """
import torch
from torch import nn

def factory():
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(),
        nn.Conv2d(16, 10, 8), nn.Flatten(),
    )

def map_head():
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 2, 1), nn.Flatten())

def one_output():
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 1, 8), nn.Flatten())

def unfit():
    return nn.Sequential(
        nn.Conv2d(1, 40, 3, padding=1), nn.ReLU(),
        nn.Conv2d(40, 80, 3, padding=1), nn.ReLU(), nn.Conv2d(80, 10, 8)
    )
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a user's module and images; the working directory."""
    rng = np.random.default_rng(3)
    (tmp_path / "net.py").write_text(MODULE)
    np.savez(tmp_path / "images.npz", images=rng.random((60, 1, 8, 8), np.float32))
    labels = np.arange(60) % 10
    np.savez(tmp_path / "labelled.npz", images=rng.random((60, 1, 8, 8), np.float32), labels=labels)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_ruined_network_is_written_and_told(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = "compress net.py:factory --data images.npz --epochs 0 --density 0.02 --out a.net"
    assert main(line.split()) == 1
    out = capsys.readouterr().out
    assert "WARNING: far worse than the float network: " in out
    assert "of 60 images as the float network says" in out
    assert network_file.load(own / "a.net").layers
    assert main([*line.split(), "--tolerance", "1"]) == 0
    assert "WARNING" not in capsys.readouterr().out
    assert main([*line.split(), "--tolerance", "2"]) == 2
    assert "argument --tolerance: '2'; legal: a number, 0…1" in capsys.readouterr().err


def test_all_reasons_come_before_training(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = "compress net.py:unfit --data labelled.npz --epochs 100000 --out a.net --config tiny"
    assert main(line.split()) == 2
    told = capsys.readouterr().err
    first, *problems = told[told.index("lightdeal: ") :].splitlines()
    assert first == "lightdeal: 4 problems:"
    starts = ["layer 2: a partial sum", "layer 4: a partial sum", "coefficient (engine", "feature memory"]
    assert all(line.startswith(f"  {start}") for line, start in zip(problems, starts, strict=True))
    assert not (own / "a.net").exists()


def test_labels_are_those_of_what_the_network_gives(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A flattened map of 2 filters has 128 classes; one output has one, however many weights make it."""
    for line in (
        "compress net.py:map_head --data labelled.npz --epochs 1 --out a.net --tolerance 1",
        "compile a.net --out a.ldp",
        "run a.ldp --data labelled.npz --on golden --changed 1 --snr 0",
    ):
        assert main(line.split()) == 0
    capsys.readouterr()
    line = "compress net.py:one_output --data labelled.npz --out b.net"
    assert main(line.split()) == 2
    told = capsys.readouterr().err
    assert (
        "data 'labelled.npz': training labels: found 0…9; the network's last layer '2' has classes 0…0"
        in told
    )
    assert not (own / "b.net").exists()


@pytest.mark.parametrize(("option", "pixels"), [("", 0), ("--shift 2", 2)])
def test_images_are_moved_only_as_far_as_is_said(
    own: Path, monkeypatch: pytest.MonkeyPatch, option: str, pixels: int
) -> None:
    found = set()

    def seen(images: torch.Tensor, largest: int, generator: torch.Generator) -> torch.Tensor:
        found.add(largest)
        return shifted(images, largest, generator)

    monkeypatch.setattr(loop, "shifted", seen)
    line = f"compress net.py:map_head --data labelled.npz --epochs 1 --out a.net --tolerance 1 {option}"
    assert main(line.split()) == 0
    assert found == {pixels}


def test_a_budget_instead_of_a_density(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = "compress net.py:factory --data images.npz --epochs 0 --out a.net --tolerance 1"
    assert main([*line.split(), "--budget", "3k cycles"]) == 0
    told = capsys.readouterr().out
    spent = int(told[told.index("at most 3,000 cycles: ") :].split(": ")[1].split()[0].replace(",", ""))
    program = compile_network(network_file.load(own / "a.net"), SMALL)
    assert spent == count_cycles(program).cycles <= 3000
    assert main([*line.split(), "--budget", "2 bits", "--density", "0.2"]) == 2
    assert "--budget and --density: the one follows from the other; give one" in capsys.readouterr().err
    assert main([*line.split(), "--budget", "2 bytes"]) == 2
    assert "budget '2 bytes'; supported: such as '500k cycles'" in capsys.readouterr().err
    assert main([*line.split(), "--budget", "10 cycles"]) == 2
    assert "budget: at most 10 cycles: the sparsest choice has " in capsys.readouterr().err
