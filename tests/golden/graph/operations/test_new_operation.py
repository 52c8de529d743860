"""A new operation is one new file and a line in the list: a made-up one, put into a copy of the code.

It doubles what it takes, which torch calls a response norm without alpha: the integers stay as they are and
the worth of their steps is doubled, so the hardware need not know of it.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from golden.compress.defaults import default_plan
from golden.frontend.importer import import_module
from golden.graph.operations.floats import FloatOperation
from golden.graph.operations.integers import IntegerOperation
from golden.graph.operations.relu import FloatRelu, Relu
from golden.spec.errors import UnsupportedError
from tests.pages import files

ROOT = Path(__file__).resolve().parents[4]

GUIDE = files(ROOT / "docs/operation.md")
"""The page that says how to add an operation; its code is what is tried here."""

DOUBLED = GUIDE["golden/graph/operations/doubled.py"]
USE = "import sys, golden\nassert golden.__path__[0].startswith(sys.argv[1])\n" + GUIDE["use.py"]

LAYERS = """
from flows.cli import main

main(["layers"])
"""


def _called(tree: Path, script: str) -> list[str]:
    """What a script prints that finds its code in `tree`, line by line."""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tree)],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def _tree(place: Path) -> Path:
    """The code, with the file of a new operation and the list as it reads with one line more."""
    for room in ("golden", "hw", "sim", "flows"):
        shutil.copytree(ROOT / room, place / room, ignore=shutil.ignore_patterns("__pycache__"))
    operations = place / "golden" / "graph" / "operations"
    (operations / "doubled.py").write_text(DOUBLED)
    registry = operations / "registry.py"
    text = registry.read_text()
    assert text.count("OPERATIONS = (") == 1
    text = text.replace("OPERATIONS = (", "OPERATIONS = (DOUBLING, ")
    line = "from golden.graph.operations.flatten import FLATTEN\n"
    assert line in text
    registry.write_text(text.replace(line, f"from golden.graph.operations.doubled import DOUBLING\n{line}"))
    return place


def test_a_new_operation_is_one_file_and_a_line(tmp_path: Path) -> None:
    """From the user's module to the machine, and in the list of what is supported."""
    tree = _tree(tmp_path)
    assert _called(tree, USE) == [f"['Requantise', 'Doubled', 'GlobalMean'] {8 * (4 + 3)} 0", ""]
    assert any(line.startswith("doubling ") for line in _called(tree, LAYERS))


class Half(FloatOperation):
    """Says one half of what compression asks."""

    def blank(self) -> IntegerOperation:
        return Relu()


@pytest.mark.parametrize("kind", [FloatOperation, Half])
def test_one_that_says_nothing_of_compression_is_refused_by_name(
    kind: type[FloatOperation],
) -> None:
    module = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 3))
    graph = import_module(module, torch.zeros(1, 2, 8, 8))
    layer = replace(graph.layers[0], epilogue=(FloatRelu(), kind()))
    with pytest.raises(UnsupportedError) as error:
        default_plan(replace(graph, layers=(layer, graph.layers[1])))
    assert str(error.value) == (
        f"0: {kind.__name__} cannot be compressed, as it does not say how it runs on integers (`quantise`, "
        "`blank`); supported: the operations of ./run layers"
    )
