"""The programs of examples/: short, they run, they say what they promise, and leave a picture."""

import json
import re
import runpy
from pathlib import Path

import matplotlib
import nbformat
import pytest
from matplotlib import image

from flows.site.notebook import EXAMPLE, cells, executed, is_current, sources

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples"

PROMISES = {
    "own_cnn": r"kept weights: \d+%\nequal: 3 tensors, \d+ cycles an image\n",
    "anomaly_detection": r"equal: 10 layers, \d+ cycles a sound\n",
    "learn_on_device": r"[5-9]\d\.\d% of the unseen images are right\na step on .* bit for bit\n",
    "lightnorm": r"batch norm, FP32: [5-9]\d.*\n(.|\n)*LightNorm: [5-9]\d.* right\n",
    "verilog_top": r"(class \d: -?\d+\n){10}best \d after \d+ cycles\n",
}


def test_every_program_is_tried_and_short() -> None:
    programs = sorted(FOLDER.glob("*.py"))
    assert [path.stem for path in programs] == sorted(PROMISES)
    long = {
        path.name: lines
        for path in (*programs, *FOLDER.glob("*.v"))
        if (lines := len(path.read_text().splitlines())) > 60
    }
    assert long == {}


SLOW = ("own_cnn", "anomaly_detection", "learn_on_device", "lightnorm")
"""Programs that train, or build the simulator of a large configuration."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.long] * (name in SLOW)) for name in PROMISES]
)
def test_a_program_runs_and_leaves_its_picture(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    matplotlib.use("Agg")
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
    assert re.fullmatch(PROMISES[name], capsys.readouterr().out)
    made, kept = (image.imread(folder / f"{name}.png") for folder in (tmp_path, FOLDER))
    assert made.shape == kept.shape
    assert made.std() > 0.05


def test_the_notebook_is_the_first_program_executed() -> None:
    """Where this fails, `./run docs` makes it anew."""
    assert is_current(ROOT / EXAMPLE)
    text = (ROOT / EXAMPLE).with_suffix(".ipynb").read_text()
    nbformat.validate(json.loads(text))
    code = [it for it in json.loads(text)["cells"] if it["cell_type"] == "code"]
    assert [it["execution_count"] for it in code] == list(range(1, len(code) + 1))
    said = "".join(
        "".join(it["text"]) for cell in code for it in cell["outputs"] if it["output_type"] == "stream"
    )
    assert re.fullmatch(PROMISES["own_cnn"], said)
    assert "image/png" in code[-1]["outputs"][-1]["data"]


def test_a_notebook_has_the_cells_of_its_program(tmp_path: Path) -> None:
    text = (
        '"""What it is."""\n\nfrom pathlib import Path\n\n# First this.\nx = 3.14159\n\nprint(f"{x:.2f}")\n'
    )
    text += "\n# Then that.\n"
    text += 'Path("it.png").write_text("picture")\nprint("end")\n'
    found = [
        ("markdown", "What it is."),
        ("code", "from pathlib import Path"),
        ("markdown", "First this."),
        ("code", 'x = 3.14159\n\nprint(f"{x:.2f}")'),
        ("markdown", "Then that."),
        ("code", 'Path("it.png").write_text("picture")\nprint("end")'),
    ]
    assert cells(text) == found
    made = executed(text, "it.png")
    assert sources(made) == found
    outputs = [it.get("outputs", []) for it in json.loads(made)["cells"]]
    assert [[part.get("text") for part in it] for it in outputs] == [
        [],
        [],
        [],
        [["3.14\n"]],
        [],
        [["end\n"], None],
    ]
    program = tmp_path / "it.py"
    program.write_text(text)
    assert not is_current(program)
    program.with_suffix(".ipynb").write_text(made)
    assert is_current(program)
    program.write_text(text.replace("end", "other"))
    assert not is_current(program)
