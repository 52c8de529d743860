"""Simulators are built once, whole or not at all; a missing tool is named."""

import re
from pathlib import Path

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from golden.spec.config import TINY
from hw.core.accelerator import Accelerator
from hw.parts.rounding import RoundShift
from sim.backends import cocotb_runner, compiled, places
from sim.backends.verilated import simulator_verilog, translate
from sim.drivers.ports import ToolError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for builds."""
    monkeypatch.setattr(places, "BUILD", tmp_path)
    return tmp_path


def test_built_once() -> None:
    first = compiled.build(Accelerator(TINY))
    before = first.stat().st_mtime_ns
    assert compiled.build(Accelerator(TINY)) == first
    assert first.stat().st_mtime_ns == before


def test_a_failed_build_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "COMPILER", ("false",))
    with pytest.raises(ToolError, match=r"^g\+\+ failed with exit code 1:"):
        compiled.build(Accelerator(TINY))
    assert list(folder.iterdir()) == []


def test_what_yosys_cannot_tidy_is_told_and_leaves_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cocotb_runner, "_TIDY", ("read_verilog {source}", "no_such_pass"))
    with pytest.raises(ToolError, match=r"(?s)^Yosys cannot read unit:.*No such command: no_such_pass"):
        cocotb_runner.build(RoundShift(8, 3), "icarus", "unit", tidy=True)
    assert list(folder.iterdir()) == []


def test_missing_compiler(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(ToolError, match=re.escape("needs g++: install the Debian package g++")):
        compiled.build(Accelerator(TINY))


@pytest.mark.parametrize(("simulator", "tool"), [("icarus", "iverilog"), ("verilator", "g++")])
def test_missing_simulator(folder: Path, monkeypatch: pytest.MonkeyPatch, simulator: str, tool: str) -> None:
    monkeypatch.setenv("PATH", str(folder))
    text = re.escape(f"{simulator} needs {tool}: install the Debian package {tool}")
    with pytest.raises(ToolError, match=text):
        cocotb_runner.build(RoundShift(8, 3), simulator, "unit")


def test_verilator_comes_from_its_package() -> None:
    assert (cocotb_runner.verilator_folder() / "verilator").is_file()


class Registers(wiring.Component):
    """One register that is reset to five, one to zero, one that is not reset."""

    def __init__(self) -> None:
        super().__init__({"five": Out(4, init=5), "zero": Out(4), "kept": Out(4)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        free = Signal(4, reset_less=True)
        m.d.comb += self.kept.eq(free)
        m.d.sync += [
            self.five.eq(self.five + self.zero),
            self.zero.eq(~self.zero),
            free.eq(free + 1),
        ]
        return m


def test_a_reset_is_a_power_up_of_what_has_one() -> None:
    """The text that is simulated has no logic of the reset; declared values are those of the reset."""
    text = simulator_verilog(Registers())
    values = dict(re.findall(r"^ *reg \[3:0\] (\w+) *(?:= (\S+))?;$", text, re.MULTILINE))
    assert values == {"five": "4'h5", "zero": "4'h0", "kept": ""}
    assert "posedge rst" not in text
    assert "if (rst)" not in text


def test_what_depends_on_itself_is_refused(tmp_path: Path) -> None:
    loop = "module accelerator(input a, output y, output z); assign y = z ^ a; assign z = y & a; endmodule"
    with pytest.raises(ToolError, match=r"(?s)^Verilator failed.*UNOPTFLAT"):
        translate(loop, tmp_path, waveform=False)
