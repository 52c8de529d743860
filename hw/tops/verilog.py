"""Verilog of a component, as simulators and tools take it best."""

import re

from amaranth.back import verilog
from amaranth.hdl import Elaboratable

_ZEROS = re.compile(r"^ *initial begin\n(?: *\S+ *\[\d+\] = \d+'[dh]0+;\n)+ *end\n", re.MULTILINE)
_TRIGGER = re.compile(r"^( *reg (\\\$auto\$verilog_backend\S+) *) = 0;$", re.MULTILINE)


def component_verilog(component: Elaboratable, name: str) -> str:
    """Verilog-2005 of a component as a module of that name, with the modules below it.

    * Memories of zeros carry no initial values: the hardware relies on none, and Yosys takes
      minutes to read one line for every word.
    * Yosys wakes blocks that depend on constants only by a variable that is set at its
      declaration. SystemVerilog sets it before any block listens, so such blocks stay unknown
      (Icarus with -g2012); a non-blocking assignment comes after all of them listen.
    """
    text = verilog.convert(component, name=name, emit_src=False)
    return _TRIGGER.sub(r"\1;\n  initial \2 <= 0;", _ZEROS.sub("", text))
