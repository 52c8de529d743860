"""The user guide: its files, its Python and its commands, one after the other in an empty folder."""

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import Fragment

from flows.base.tools import MissingTool
from flows.board import verb
from flows.cli import main
from flows.cli.verbs import VERBS
from flows.synth.area import make_area
from flows.synth.netlist import Synthesis
from tests.pages import blocks

PAGE = Path(__file__).parents[3] / "docs/guide.md"


def _called(line: str) -> None:
    """A line of the shell; what begins with ./run is called here."""
    if line.startswith("./run "):
        assert main(shlex.split(line)[1:]) == 0, line
    else:
        done = subprocess.run(line, shell=True, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "PASS" in done.stdout


@pytest.mark.long
def test_every_block_of_the_guide_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Synthesis and routers alone do not run here: tests/flows/synth and tests/flows/board have them."""

    def netlist(component: Any, *_: object) -> Synthesis:
        Fragment.get(component, None)
        area = make_area({"LUT4": 3}, "ecp5", None)
        return Synthesis("board", "ecp5", True, area, {}, (), tmp_path, "pyosys", "synth_ecp5")

    def missing(name: str, install: str) -> Path:
        raise MissingTool(f"{name} is missing: install it with {install}")

    monkeypatch.setattr(verb, "synthesise", netlist)
    monkeypatch.setattr(verb, "find_tool", missing)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    names: dict[str, Any] = {}
    done = []
    try:
        for block in blocks(PAGE):
            if block.file:
                Path(block.file).write_text(block.text)
            elif block.language == "python":
                exec(compile(block.text, str(PAGE), "exec"), names)
            else:
                for line in block.text.splitlines():
                    _called(line)
                    done.append(line.split()[1])
    finally:
        sys.modules.pop("my_net", None)
    assert {"compress", "compile", "run", "verilog", "handoff", "board"} <= set(done)
    assert set(done) - {"handoff/run.sh"} <= {name.split()[0] for name in VERBS}
    for left in ("network.net", "accelerator.v", "handoff/filelist.f", "board/board.v", "learnt.ldp"):
        assert (tmp_path / left).is_file(), left
