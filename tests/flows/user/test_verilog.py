"""What the emitted hardware holds, and what it must not."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Elaboratable

from flows.user.verilog import accelerator_verilog
from golden.spec.config import SMALL, TINY, Config
from hw.engine.engine import Engine
from hw.writeback.basis import BasisStage

_CELLS = """
import sys
from pyosys import libyosys
design = libyosys.Design()
libyosys.run_pass(f"read_rtlil {sys.argv[1]}; proc; opt; write_rtlil {sys.argv[2]}", design)
"""


def cells(component: Elaboratable, folder: Path) -> set[str]:
    """Types of Yosys' cells before technology mapping."""
    (folder / "in.il").write_text(rtlil.convert(component, name="top", emit_src=False))
    command = [sys.executable, "-c", _CELLS, str(folder / "in.il"), str(folder / "out.il")]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return set(re.findall(r"^ *cell (\$\w+)", (folder / "out.il").read_text(), re.MULTILINE))


@pytest.fixture(scope="module")
def text() -> str:
    return accelerator_verilog(TINY)


@pytest.mark.parametrize("config", [TINY, SMALL], ids=lambda config: config.name)
def test_shift_adders_hold_no_multiplier(config: Config, tmp_path: Path) -> None:
    found = cells(Engine(config, 0), tmp_path)
    assert found & {"$add", "$sub", "$alu"}, "no adder: is this the engine?"
    assert not found & {"$mul", "$macc", "$macc_v2", "$div", "$pow"}


def test_a_multiplier_would_be_seen(tmp_path: Path) -> None:
    """The basis stage has one for each of its columns."""
    assert "$mul" in cells(BasisStage(TINY), tmp_path)


def test_verilog_is_one_module_with_its_ports(text: str) -> None:
    assert text.startswith(f"// LightDeal accelerator 'tiny', configuration digest {TINY.digest:08x}\n")
    top = re.search(r"^module accelerator\((.*?)\);", text, re.MULTILINE | re.DOTALL)
    assert top
    ports = set(re.split(r",\s*", top[1]))
    names = ("i_program", "i_image", "o_result")
    streams = {f"{name}__{part}" for name in names for part in ("payload", "valid", "ready")}
    trace = {f"trace__{part}" for part in ("valid", "address", "enable", "data")}
    assert ports == streams | trace | {"clk", "rst", "skip", "error", "loaded", "busy", "cycles"}


def test_memories_have_no_initial_words(text: str) -> None:
    """Yosys and others take time that grows with the square of such lines."""
    assert not re.search(r"^ *initial begin$", text, re.MULTILINE)
