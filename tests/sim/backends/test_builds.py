"""Simulators are built once, whole or not at all; a missing tool is named."""

import re
from pathlib import Path

import pytest
from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import TINY
from hw.core.accelerator import Accelerator
from hw.parts.rounding import RoundShift
from sim.backends import cocotb_runner, compiled, places
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


class _Loop(wiring.Component):
    """A word that depends on itself, though none of its bits does."""

    def __init__(self) -> None:
        super().__init__({"i": In(2), "o": Out(2)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        word = Signal(2)
        m.d.comb += [word.eq(Cat(self.i[0], (word ^ self.i)[0])), self.o.eq(word)]
        return m


def test_words_that_depend_on_themselves_are_refused(folder: Path) -> None:
    with pytest.raises(ToolError, match=r"the design has words that depend on themselves: o$"):
        compiled.build(_Loop())
    assert list(folder.iterdir()) == []
