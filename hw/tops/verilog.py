"""Verilog of a component, as simulators and tools take it best."""

import re
import subprocess
import sys
from tempfile import TemporaryDirectory

from amaranth.lib import wiring

from hw.tops.emission import component_rtlil
from hw.tops.names import plain_names

_WIDTH = 100
"""Columns of a line of joined declarations."""

_TRIGGER = re.compile(r"^( *reg (\\\$auto\$verilog_backend\S+) *) = 0;$", re.MULTILINE)
_NUMBERED = re.compile(r"(?:^  (?:wire|reg) (?:signed )?(?:\[\d+:0\] )?\\\S*\$\d+ ;\n){2,}", re.MULTILINE)
_PORT = re.compile(
    r"^  (input|output) ((?:signed )?(?:\[\d+:0\] )?)(\S+ ?);\n  (wire|reg) \2\3( ?= .*)?;$", re.MULTILINE
)
_SINGLE = re.compile(r"^( *if \(.*\)) begin\n *(\S.* = .*;)\n *end$", re.MULTILINE)
_REGISTERS = re.compile(r"(?:^  always @\(posedge clk\)\n    .* <= .*;\n){2,}", re.MULTILINE)

_PART = re.compile(r"^  always @\*\n    (\S.* = .*;)\n", re.MULTILINE)
_MODULE = re.compile(r"^module .*?^endmodule", re.MULTILINE | re.DOTALL)
_STARTED = "\\$started "

# As amaranth.back.verilog does it, with the Yosys that all flows have (pyosys) in place of whichever is on
# the PATH. In a process of its own: Yosys writes pages to standard output, and a fault in it stays there.
_TRANSLATE = """
from pyosys import libyosys
design = libyosys.Design()
for line in ("read_rtlil in.il", "proc -nomux -norom", "memory_collect", "write_verilog -norename out.v"):
    libyosys.run_pass(line, design)
"""


def component_verilog(component: wiring.Component, name: str) -> str:
    """Verilog-2005 of a component as a module of that name, with the modules below it.

    * Equal components are one module, as `hw.tops.emission` says.
    * A port is declared once, a branch of one assignment is one line.
    * Wires that tools have numbered are declared by the line, not one on each; registers that follow each
      other share a block.
    * Yosys wakes blocks that depend on constants only by a variable that is set at its
      declaration. SystemVerilog sets it before any block listens, so such blocks stay unknown
      (Icarus with -g2012); a non-blocking assignment comes after all of them listen. Blocks for a part of a
      variable have no such variable, though what they read may have settled before they listen: they get
      one here.
    * Every name is a plain one that no language reserves (`hw.tops.names`); a name of that kind stays.
    """
    text = rtlil_verilog(component_rtlil(component, name))
    text = _SINGLE.sub(r"\1 \2", _PORT.sub(r"  \1 \4 \2\3\5;", text))
    text = _REGISTERS.sub(_one_block, _NUMBERED.sub(_by_the_line, text))
    text = _MODULE.sub(_woken, text)
    return plain_names(_TRIGGER.sub(r"\1;\n  initial \2 <= 0;", text))


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


def _woken(found: re.Match[str]) -> str:
    """A module, in which parts of a variable have blocks that wake once by themselves."""
    module = found[0]
    first = _PART.search(module)
    if first is None:
        return module
    variable = f"  reg {_STARTED};\n  initial {_STARTED}<= 0;\n"
    block = f"  always @* begin\n    if ({_STARTED}) begin end\n    %s\n  end\n"
    rest = _PART.sub(lambda part: block % part[1], module[first.start() :])
    return f"{module[: first.start()]}{variable}{rest}"


def _by_the_line(found: re.Match[str]) -> str:
    """Declarations with those of the same type on a line."""
    kinds: dict[str, list[str]] = {}
    for line in found[0].splitlines():
        kind, name = line.rsplit("\\", 1)
        kinds.setdefault(kind, []).append(f"\\{name.removesuffix(';')}")
    lines = []
    for kind, names in kinds.items():
        line = kind + names[0]
        for name in names[1:]:
            if len(line) + len(name) > _WIDTH:
                lines.append(f"{line};")
                line = kind + name
            else:
                line += f", {name}"
        lines.append(f"{line};")
    return "\n".join(lines) + "\n"


def _one_block(found: re.Match[str]) -> str:
    """Assignments on one edge in one block."""
    lines = [line for line in found[0].splitlines() if not line.startswith("  always")]
    return "\n".join(["  always @(posedge clk) begin", *lines, "  end"]) + "\n"
