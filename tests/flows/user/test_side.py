"""Images side by side on the command line: arrays stay as they are, labels too."""

from pathlib import Path

import numpy as np
import pytest

from flows.cli import main

MODULE = """
import torch
from torch import nn

def features():
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 4)).eval()

def sequence():
    torch.manual_seed(3)
    return nn.Sequential(nn.Conv1d(6, 4, 3, padding=1)).eval()
"""
COMPRESS = "compress own.py:{} --data {}.npz --epochs 0 --density 1 --no-basis --out {}.net"


def said(line: str, capsys: pytest.CaptureFixture[str], code: int = 0) -> str:
    assert main(line.split()) == code
    found = capsys.readouterr()
    return found.out + found.err


def test_a_run_takes_several_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(MODULE)
    rng = np.random.default_rng(4)
    images, labels = rng.normal(size=(11, 6)).astype(np.float32), rng.integers(0, 4, 11)
    np.savez("features.npz", images=images, labels=labels)
    np.savez("five.npz", images=images[:, :5])
    np.savez("sequence.npz", images=rng.normal(size=(9, 6, 4)).astype(np.float32))
    said(COMPRESS.format("features", "features", "a"), capsys)
    said("compile a.net --config tiny --out one.ldp", capsys)
    assert "cycles for 4 images" in said("compile a.net --config tiny --side 4 --out four.ldp", capsys)
    one = said("run one.ldp --data features.npz --on golden --changed 1", capsys)
    four = said("run four.ldp --data features.npz --on golden --changed 1", capsys)
    assert "golden: 11 images" in one
    assert "golden: 3 images of 4 side by side" in four
    (accuracy,) = (line for line in one.splitlines() if line.startswith("accuracy"))
    assert accuracy in four
    # The first seven are two runs; the last place of the second is empty.
    assert "golden: 2 images of 4" in said(
        "run four.ldp --data features.npz --on golden --images 7 --changed 1", capsys
    )
    text = said("run four.ldp --data five.npz --on golden", capsys, 2)
    assert "images of shape (5,); the program takes (6, 1, 4)" in text

    said(COMPRESS.format("sequence", "sequence", "s"), capsys)
    text = said("compile s.net --config tiny --side 4 --out s.ldp", capsys, 2)
    assert "images side by side: tensor 'input' is 6×1×4; supported: maps of one pixel" in text
    said("compile s.net --config tiny --out s.ldp", capsys)
    text = said("run s.ldp --data features.npz --on golden", capsys, 2)
    assert "the program takes (6, 1, 4)" in text
