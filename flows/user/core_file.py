"""The FuseSoC description of emitted Verilog (CAPI 2): `fusesoc --cores-root FOLDER run lightdeal::NAME`."""

from collections.abc import Iterable
from importlib.metadata import version

_RTL = """CAPI=2:
name: lightdeal::{name}:{version}
description: {description}
filesets:
  rtl:
    files: [{verilog}]
    file_type: verilogSource-2005
{bench}targets:
  default: &default
    filesets: [rtl]
    toplevel: {top}
  lint:
    <<: *default
    default_tool: verilator
    flow: lint
    flow_options:
      tool: verilator
      verilator_options: [-Wno-fatal]
"""

_BENCH = """  bench:
    files:
      - testbench.v: {{file_type: verilogSource}}
      - sizes.vh: {{file_type: verilogSource, is_include_file: true}}
{memories}
"""

_SIM = """  sim:
    filesets: [rtl, bench]
    toplevel: testbench
    flow: sim
    flow_options:
      tool: icarus
      iverilog_options: [-g2012]
  sim_verilator:
    filesets: [rtl, bench]
    toplevel: testbench
    flow: sim
    flow_options:
      tool: verilator
      mode: binary
      verilator_options: [-Wno-fatal, --timing, -CFLAGS, -std=c++20, {no_headers}]
"""

# The Verilator of the Python package was configured for no compiler, so its make files name precompiled
# headers in a way that none understands. Without them every Verilator works, with every compiler.
_NO_HEADERS = "-MAKEFLAGS, VK_PCH_I_FAST=, -MAKEFLAGS, VK_PCH_I_SLOW="


def core_text(top: str, verilog: str, description: str, memories: Iterable[str] = ()) -> str:
    """The text of a `.core` file.

    Parameters
    ----------
    top: name of the module, and of the core.  verilog: the file that holds it.
    description: a line.
    memories: files that the bench of a hand-off folder reads; with any of them, the core has the target sim.
    """
    memories = tuple(memories)
    lines = "\n".join(f"      - {it}: {{file_type: user, copyto: {it}}}" for it in memories)
    text = _RTL.format(
        name=top,
        version=version("lightdeal"),
        description=description,
        verilog=verilog,
        top=top,
        bench=_BENCH.format(memories=lines) if memories else "",
    )
    return text + (_SIM.format(no_headers=_NO_HEADERS) if memories else "")
