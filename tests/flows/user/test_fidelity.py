"""What `run` and `board` say of a program beside its float network, and their exit codes."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flows.base.fidelity import check, fidelity_metrics
from flows.cli import main
from flows.user.demo import Report
from flows.user.demo_report import demo_text
from golden.graph import network_file
from golden.graph.network import Network
from golden.machine.run import run_program
from golden.machine.tensors import quantise
from golden.spec.program import Program
from tests.golden.layers import altered

MODULE = """
import sys
sys.path.insert(0, {root!r})
from tests.golden.compressed import residual
"""
ROOT = Path(__file__).parents[3]
NEAR = "run a.ldp --data arrays.npz --on golden --changed 1"


def lightdeal(line: str) -> int:
    return main(line.split())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with images, a compressed network and its program, made by the command line."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "own.py").write_text(MODULE.format(root=str(ROOT)))
    rng = np.random.default_rng(5)
    images = rng.normal(size=(40, 2, 8, 8)).astype(np.float32)
    np.savez(folder / "arrays.npz", images=images)
    np.savez(folder / "large.npz", images=images * 255)
    wrong = images.copy()
    wrong[2, 1, 3, 4] = np.nan
    wrong[5, 0, 0, 0] = -np.inf
    np.savez(folder / "wrong.npz", images=wrong)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        compress = (
            "compress own.py:residual --data arrays.npz --epochs 0 --density 0.9 --out a.net --no-basis"
        )
        assert lightdeal(compress) == 0
        assert lightdeal("compile a.net --out a.ldp") == 0
    return folder


@pytest.fixture
def own(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(made)
    return made


def compiled(network: Network, change: Callable[[Network], Network]) -> None:
    """Compiles another network than the one in a.net into b.ldp."""
    network_file.save(change(network), "b.net")
    assert lightdeal("compile b.net --out b.ldp") == 0


def test_a_right_program_passes_without_options(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lightdeal(NEAR) == 0
    out = capsys.readouterr().out
    assert "golden machine against the reference network: 31,280 values, 0 mismatches" in out
    rows = [line for line in out.splitlines() if line.startswith("| ")]
    assert [row.split()[1] for row in rows] == ["tensor", "input", "first", "second", "down", "last"]
    assert "are not those of the float network before compression" in out
    assert "FAILED" not in out


def test_wrong_integers_fail_by_name(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A shift that is wrong in one layer: every backend agrees with golden, and the exit code is 1."""

    def wrong(network: Network) -> Network:
        layers = [
            altered(it, shift=it.requantise.shift - 1) if it.path == "second" else it for it in network.layers
        ]
        return replace(network, layers=tuple(layers))

    compiled(network_file.load("a.net"), wrong)
    capsys.readouterr()
    assert lightdeal("run b.ldp --data arrays.npz --on golden --changed 1") == 1
    out = capsys.readouterr().out
    assert "0 mismatches" in out
    assert "FAILED: " in out
    assert "first second (" in out
    assert lightdeal("run b.ldp --data arrays.npz --on golden --changed 1 --snr 0") == 0
    assert lightdeal("board b.ldp --data arrays.npz --changed 1 --out board") == 1
    assert "board: nothing was built" in capsys.readouterr().out
    assert not (own / "board").exists()
    assert lightdeal("handoff b.ldp --data arrays.npz --changed 1 --out handoff") == 1
    captured = capsys.readouterr()
    assert "first second (" in captured.err
    assert captured.out.startswith("sh handoff/run.sh")
    assert (own / "handoff" / "run.sh").exists()


def test_a_miscompiled_program_fails(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = Program.load("a.ldp")
    replace(program, filters=(*program.filters[:6], program.filters[6] ^ 1 << 12, *program.filters[7:])).save(
        "c.ldp"
    )
    assert lightdeal("run c.ldp --data arrays.npz --on golden --changed 1 --snr 0") == 1
    assert "FAILED: the golden machine differs from the reference network in" in capsys.readouterr().out


def test_labels_that_change_fail(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The rows of the last layer in another order, in its integers and in what they stand for."""
    (own / "other.py").write_text(MODULE.format(root=str(ROOT)) + "def other():\n    return residual(7)\n")
    options = "--epochs 0 --density 0.02 --tolerance 1"
    assert lightdeal(f"compress other.py:other --data arrays.npz {options} --out d.net") == 0
    assert lightdeal("compile d.net --out d.ldp") == 0
    assert lightdeal("run d.ldp --data arrays.npz --on golden --changed 0") == 1
    out = capsys.readouterr().out
    assert "labels (" in out
    assert "at most 0.0% may differ" in out


def test_without_a_reference_nothing_passes(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Programs of another release, and networks that compress did not make."""
    replace(Program.load("a.ldp"), reference=b"").save("old.ldp")
    assert lightdeal("run old.ldp --data arrays.npz --on golden --changed 1") == 1
    assert "NOT COMPARED: no reference network in this program" in capsys.readouterr().out
    compiled(network_file.load("a.net"), lambda it: replace(it, floats=b""))
    assert lightdeal("run b.ldp --data arrays.npz --on golden") == 1
    assert "FAILED: no float network in this program" in capsys.readouterr().out
    assert lightdeal("run b.ldp --data arrays.npz --on golden --changed 1 --snr 0") == 0
    assert "NOT COMPARED: no float network in this program" in capsys.readouterr().out


def test_images_of_another_range_are_told(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lightdeal("run a.ldp --data large.npz --on golden --changed 1") == 1
    captured = capsys.readouterr()
    assert "WARNING: data 'large.npz': images: 98." in captured.err
    assert "of the values saturate: the program takes -4…3.96875" in captured.err
    assert "inputs beyond the range of int8: 98." in captured.out
    assert "first input (" in captured.out
    assert lightdeal(NEAR) == 0
    assert "WARNING" not in capsys.readouterr().err


@pytest.mark.parametrize("line", ["run a.ldp --on golden", "handoff a.ldp --images 8", "board a.ldp"])
def test_images_that_are_not_finite_are_refused(
    line: str, own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lightdeal(f"{line} --data wrong.npz") == 2
    error = capsys.readouterr().err
    assert "lightdeal: data 'wrong.npz': images: 2 of " in error
    assert "values are not finite, the first at index (2, 1, 3, 4); supported: finite numbers" in error


def test_bounds_out_of_range_are_refused(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--snr -3", "--changed 2"):
        assert lightdeal(f"run a.ldp --data arrays.npz --on golden {option}") == 2
        assert option.split()[0][2:] in capsys.readouterr().err


def test_metrics_are_the_extremes(own: Path) -> None:
    program = Program.load("a.ldp")
    images = np.load("arrays.npz")["images"]
    golden = run_program(program, quantise(images, program.tensor(program.input).scale))
    found = check(program, images, golden).found
    assert found is not None
    assert found.distances is not None
    values = {metric.name: metric.value for metric in fidelity_metrics(found, "a test")}
    assert values["reference.mismatches"] == 0
    assert values["reference.values_compared"] == 31_280
    assert values["float.sqnr_db"] == min(it.own_snr for it in found.distances.tensors)
    assert values["compressed.sqnr_db"] == min(it.snr for it in found.distances.tensors) > 25
    assert values["compressed.steps"] == max(it.steps for it in found.distances.tensors)
    assert fidelity_metrics(None, "a test") == []


def test_the_demo_fails_with_it_and_shows_the_table(own: Path) -> None:
    right = Report("", (), None, None, ())
    assert right.passed
    assert not replace(right, faults=("too far",)).passed
    program = Program.load("a.ldp")
    images = np.load("arrays.npz")["images"]
    golden = run_program(program, quantise(images, program.tensor(program.input).scale))
    checked = check(program, images, golden)
    text = demo_text("a title", defaultdict(lambda: 1.0), [], checked.text)
    assert "\n\ngolden machine against the reference network: 31,280 values, 0 mismatches\n\n| tensor" in text
