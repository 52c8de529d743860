"""Simulators are built once, whole or not at all; a missing tool is named."""

import re
from collections.abc import Generator
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.device import Run
from golden.spec.config import TINY
from hw.core.accelerator import Accelerator
from hw.parts.rounding import RoundShift
from sim.backends import cocotb_runner, compiled, places, verilated
from sim.backends.cxxrtl import CXXRTL
from sim.backends.hardware import make_job
from sim.backends.translator import Translator
from sim.backends.verilated import BRIEF, TRIED, VERILATED, shared_out, simulator_verilog, translate
from sim.drivers.ports import ToolError
from sim.learning.sessions import Session
from tests.sim.programs import random_case


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
    monkeypatch.setattr(compiled, "COMPILER", "false")
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
    """verilator#7855, #7964: such a warning may be a false one since 5.046; only tried versions are used."""
    loop = "module accelerator(input a, output y, output z); assign y = z ^ a; assign z = y & a; endmodule"
    with pytest.raises(ToolError, match=r"(?s)^Verilator failed.*UNOPTFLAT"):
        translate(loop, tmp_path)


class _Loop(wiring.Component):
    """A word that depends on itself, though none of its bits does."""

    def __init__(self) -> None:
        super().__init__({"i": In(2), "o": Out(2)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        word = Signal(2)
        m.d.comb += [word.eq(Cat(self.i[0], (word ^ self.i)[0])), self.o.eq(word)]
        return m


def test_words_that_depend_on_themselves_are_refused_by_cxxrtl(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"the design has words that depend on themselves: o$"):
        CXXRTL.compile(CXXRTL.text(_Loop()), tmp_path, "g++", [], False)


def test_the_pinned_verilator_was_tried(repository: Path) -> None:
    pins = (Path(repository) / "constraints.txt").read_text()
    found = re.search(r"^verilator==(\d+\.\d+)", pins, re.MULTILINE)
    assert found is not None
    assert found[1] in TRIED


def test_verilator_where_it_can_be_used_else_cxxrtl(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert compiled.translator() is VERILATED
    assert compiled.translator(brief=True) is BRIEF
    assert compiled.translator(waveform=True) is compiled.translator(waveform=True, brief=True) is CXXRTL
    with monkeypatch.context() as patch:
        patch.setattr(verilated, "version", lambda name: "5.9.0")
        assert compiled.translator() is CXXRTL
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(tmp_path))
        assert compiled.translator() is compiled.translator(brief=True) is CXXRTL

    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(verilated, "version", missing)
    assert compiled.translator() is CXXRTL


def test_each_file_is_compiled_once_in_shares_of_like_size(tmp_path: Path) -> None:
    sizes = {"a": 7, "b": 5, "c": 4, "d": 1, "e": 1}
    for name, size in sizes.items():
        (tmp_path / name).write_bytes(bytes(size))
    files = [tmp_path / name for name in sizes]
    assert shared_out(files, 2) == [[tmp_path / it for it in share] for share in ("bc", "ade")]
    assert shared_out(files, 1) == [files]
    assert sorted(shared_out(files[:2], 8)) == [[it] for it in files[:2]]


def test_a_brief_simulator_is_another_build_that_sees_the_same() -> None:
    case = random_case(11, TINY)
    job = make_job(case.program, case.images)
    libraries = [compiled.build(Accelerator(TINY), by=by) for by in (VERILATED, BRIEF)]
    seen = []
    for library in libraries:
        with compiled.open_simulator(library, job) as simulator:
            assert simulator.load(job.program, job.limit) == "done"
            status, record = simulator.run(job.images[0], job.result_words, job.limit)
            seen.append((status, simulator.cycles, record.writes.tobytes(), record.result.tobytes()))
    assert seen[0] == seen[1]
    assert seen[0][0] == "done"
    assert libraries[0] != libraries[1]


def test_a_session_of_few_steps_is_built_by_the_brief_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Translator] = []

    def build(component: object, by: Translator) -> Path:
        asked.append(by)
        raise ToolError("far enough")

    monkeypatch.setattr(compiled, "build", build)
    monkeypatch.setattr("sim.learning.sessions.LearningAccelerator", lambda config: config)
    config = replace(TINY, basis=4, learning=True)

    def runs() -> Generator[Run, Any, None]:
        yield Run([], np.zeros((1, 4), np.int8), 1)

    for brief in (True, False):
        with pytest.raises(ToolError, match="far enough"):
            Session(config, brief=brief).compiled(runs())
    assert asked == [BRIEF, VERILATED]


def test_both_see_the_same_in_every_cycle() -> None:
    """Whole recordings, with pauses, an error in between and a reset: writes, their cycles, results."""
    case = random_case(11, TINY)
    job = replace(make_job(case.program, case.images), stalls=0.3, seed=5)
    seen = {}
    for by in (VERILATED, CXXRTL):  # the build with waveforms is that of other tests, too
        library = compiled.build(Accelerator(TINY), waveform=by is CXXRTL, by=by)
        with compiled.open_simulator(library, job) as simulator:
            events: list[object] = [simulator.load(job.program, job.limit), simulator.cycles]
            for image in job.images:
                status, record = simulator.run(image, job.result_words, job.limit)
                events += [status, simulator.cycles, record.cycles, record.load_cycles]
                events += [record.writes.tobytes(), record.result.tobytes()]
            events += [simulator.load([*job.program[:5], 0], job.limit), simulator.error, simulator.cycles]
            simulator.reset()
            events += [simulator.error, simulator.load(job.program, job.limit), simulator.cycles]
            status, record = simulator.run(job.images[0], job.result_words, job.limit)
            events += [status, record.writes.tobytes(), record.result.tobytes()]
        seen[by.name] = events
    assert seen["Verilator"] == seen["CXXRTL"]
    assert seen["Verilator"][2] == "done"
