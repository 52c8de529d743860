"""Verilog of a component, as simulators and tools take it best."""

import re
import subprocess
import sys
from tempfile import TemporaryDirectory

from amaranth.back import rtlil
from amaranth.hdl import Elaboratable

from hw.tops.names import plain_names

_ZEROS = re.compile(r"^ *initial begin\n(?: *\S+ *\[\d+\] = \d+'[dh]0+;\n)+ *end\n", re.MULTILINE)
_TRIGGER = re.compile(r"^( *reg (\\\$auto\$verilog_backend\S+) *) = 0;$", re.MULTILINE)

# As amaranth.back.verilog does it, with the Yosys that all flows have (pyosys) in place of whichever is on
# the PATH. In a process of its own: Yosys writes pages to standard output, and a fault in it stays there.
_TRANSLATE = """
from pyosys import libyosys
design = libyosys.Design()
for line in ("read_rtlil in.il", "proc -nomux -norom", "memory_collect", "write_verilog -norename out.v"):
    libyosys.run_pass(line, design)
"""


def component_verilog(component: Elaboratable, name: str) -> str:
    """Verilog-2005 of a component as a module of that name, with the modules below it.

    * Memories of zeros carry no initial values: the hardware relies on none, and Yosys takes
      minutes to read one line for every word.
    * Yosys wakes blocks that depend on constants only by a variable that is set at its
      declaration. SystemVerilog sets it before any block listens, so such blocks stay unknown
      (Icarus with -g2012); a non-blocking assignment comes after all of them listen.
    * Every name is a plain one that no language reserves (`hw.tops.names`); a name of that kind stays.
    """
    text = rtlil_verilog(rtlil.convert(component, name=name, emit_src=False))
    return plain_names(_TRIGGER.sub(r"\1;\n  initial \2 <= 0;", _ZEROS.sub("", text)))


def rtlil_verilog(text: str) -> str:
    """What Yosys makes of RTLIL. Raises RuntimeError with its last words if it takes offence."""
    with TemporaryDirectory(prefix="lightdeal-yosys-") as folder:
        with open(f"{folder}/in.il", "w", encoding="utf-8") as file:
            file.write(text)
        done = subprocess.run(
            [sys.executable, "-c", _TRANSLATE], cwd=folder, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"Yosys: {(done.stderr or done.stdout).strip()[-400:]}")
        with open(f"{folder}/out.v", encoding="utf-8") as file:
            return file.read()
