"""Networks in files of other tools, on the command line: from the file to the golden machine; bad ones."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.export import export, save

from flows.cli import main
from golden.cycles.limits import HELP, layer_limits
from golden.graph import network_file
from golden.spec.program import Program
from tests.golden.frontend.onnx_models import model, node, saved, weights
from tests.golden.frontend.tflite_models import File

RNG = np.random.default_rng(2)
IMAGES = RNG.random((20, 8, 8, 2), np.float32)


def of_onnx(folder: Path) -> str:
    """Convolution, ReLU, mean, classifier, softmax."""
    nodes = [
        node("Conv", "x w", "conv", auto_pad="SAME_UPPER"),
        node("Relu", "conv", "r"),
        node("GlobalAveragePool", "r", "p"),
        node("Flatten", "p", "f"),
        node("Gemm", "f g", "dense"),
        node("Softmax", "dense", "classes"),
    ]
    held = {"w": weights(4, 2, 3, 3), "g": weights(4, 3)}
    return saved(folder, model(nodes, held, (1, 2, 8, 8))).name


def of_tflite(folder: Path) -> str:
    """The same, with channels last."""
    made = File(IMAGES.astype(np.float64))
    x = made.conv(made.input, made.held("w", weights(4, 3, 3, 2)), activation=1, name="conv")
    x = made.dense(made.mean(x), made.held("g", weights(3, 4)), name="dense")
    made.node("SOFTMAX", [x], made.values[x], name="classes")
    return made.saved(folder).name


def of_torch(folder: Path) -> str:
    """The same as a program of torch.export, without softmax."""
    parts = {"conv": nn.Conv2d(2, 4, 3, padding=1), "relu": nn.ReLU(), "pool": nn.AdaptiveAvgPool2d(1)}
    module = nn.Sequential()
    for name, part in {**parts, "flat": nn.Flatten(), "dense": nn.Linear(4, 3)}.items():
        module.add_module(name, part)
    save(export(module.eval(), (torch.rand(1, 2, 8, 8),)), folder / "net.pt2")
    return "net.pt2"


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with images, the working directory."""
    images = IMAGES.transpose(0, 3, 1, 2)
    np.savez(tmp_path / "arrays.npz", images=images, labels=RNG.integers(0, 3, 20))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("make", [of_onnx, of_tflite, of_torch])
def test_from_a_file_to_the_golden_machine(
    make: Callable[[Path], str], own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = make(own)
    line = (
        f"compress {name} --data arrays.npz --epochs 1 --density 0.8 --config tiny --tolerance 1 --out a.net"
    )
    assert main(line.split()) == 0
    captured = capsys.readouterr()
    assert [layer.path for layer in network_file.load("a.net").layers] == ["conv", "dense"]
    note = f"NOTE: network '{name}': classes: Softmax at the end is left to the host"
    assert (note.casefold() in captured.err.casefold()) == (make is not of_torch)
    assert main(["compile", "a.net", "--config", "tiny", "--out", "a.ldp"]) == 0
    said = capsys.readouterr().out
    assert "| layer" in said
    assert "| conv  |" in said
    assert HELP[next(layer_limits(Program.load("a.ldp"))).part] in said
    assert main(["run", "a.ldp", "--data", "arrays.npz", "--on", "golden", "--changed", "1"]) == 0
    assert "golden machine against the reference network: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "contents", "words"),
    [
        ("none.onnx", None, "network none.onnx: no such file"),
        ("empty.tflite", b"", "network empty.tflite: empty"),
        ("text.onnx", b"import torch", "network text.onnx: damaged, or not an ONNX file"),
        ("text.tflite", b"import torch", "network text.tflite: damaged, or not a .tflite file"),
        ("text.pt2", b"import torch", "network text.pt2: damaged, or not what torch.export.save writes"),
        (
            "net.h5",
            b"x",
            "network 'net.h5': expected FILE.py:FACTORY, or a file that ends in .onnx, .tflite, .pt2",
        ),
    ],
)
def test_bad_files_are_told_in_one_line(
    name: str, contents: bytes | None, words: str, own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if contents is not None:
        (own / name).write_bytes(contents)
    before = sorted(own.iterdir())
    assert main(["compress", name, "--data", "arrays.npz", "--out", "a.net"]) == 2
    captured = capsys.readouterr()
    assert f"lightdeal: {words}" in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""
    assert sorted(own.iterdir()) == before


def test_all_bad_nodes_are_told_before_any_work(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nodes = [
        node("Conv", "x w", "c", group=2, strides=[5, 5]),
        node("GlobalMaxPool", "c", "s"),
        node("LRN", "s", "z", size=3),
    ]
    saved(own, model(nodes, {"w": weights(4, 1, 3, 3)}))
    assert main(["compress", "net.onnx", "--data", "arrays.npz", "--out", "a.net", "--epochs", "100000"]) == 2
    told = capsys.readouterr().err
    first, *problems = told[told.index("lightdeal: ") :].splitlines()
    assert first == "lightdeal: 3 problems:"
    assert sorted(line.split(":")[0].strip() for line in problems) == ["c", "s", "z"]
    assert not (own / "a.net").exists()
