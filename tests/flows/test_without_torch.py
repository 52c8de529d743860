"""What is compiled already needs no torch: it loads, runs, is simulated and becomes Verilog without."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from flows.base.files import save_whole
from golden.compiler import compile_network
from golden.graph import network_file
from golden.spec.config import TINY
from tests.golden.compressed import compressed, images, residual

BLOCKED = ("torch", "sklearn", "mlxtend", "onnx", "tflite")

CALLS = f"""
import sys

for name in {BLOCKED}:
    sys.modules[name] = None  # importing it raises ModuleNotFoundError

from flows.cli import main

code = main(sys.argv[1:])
loaded = [name for name in {BLOCKED} if sys.modules[name] is not None]
assert not loaded, loaded
sys.exit(code)
"""


def without(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    """`lightdeal` with this line, in a Python where the blocked packages are missing."""
    root = Path(__file__).parents[2]
    return subprocess.run(
        [sys.executable, "-c", CALLS, *line.split()],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of a network, of its program and of images for it."""
    place = tmp_path_factory.mktemp("without_torch")
    made = compressed(residual())
    save_whole(place / "it.net", partial(network_file.save, made.network))
    save_whole(place / "it.ldp", compile_network(made.network, TINY).save)
    np.savez(place / "it.npz", images=images(2).numpy())
    return place


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("compile it.net --config tiny --out again.ldp", "program: again.ldp"),
        pytest.param("run it.ldp --data it.npz --on amaranth", "values equal golden", marks=pytest.mark.long),
        ("run it.ldp --data it.npz --on golden", "NOT COMPARED: torch is missing"),
        ("handoff it.ldp --data it.npz --out handed", "sh handed/run.sh"),
        ("verilog --config tiny --out tiny.v", "tiny.v"),
        ("--help", "compile"),
    ],
)
def test_a_verb_does_without(line: str, said: str, folder: Path) -> None:
    done = without(folder, line)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout


def test_floats_that_are_asked_for_are_missed(folder: Path) -> None:
    done = without(folder, "run it.ldp --data it.npz --on golden --snr 20")
    assert done.returncode == 1, done.stderr
    assert "FAILED: torch is missing, which the float networks run in: install it with" in done.stdout


def test_a_verb_that_trains_says_what_is_missing(folder: Path) -> None:
    done = without(folder, "compress it.onnx --data it.npz --epochs 0")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        "lightdeal: the package torch is missing (trains networks, and runs them in floats): "
        "install it with pip install 'torch'; `lightdeal doctor` says what else is missing"
    )
