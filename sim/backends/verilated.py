"""The Verilog that the compiled simulator is made of, and the C++ that Verilator makes of it."""

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from amaranth.lib import wiring

from hw.tops.emission import component_rtlil
from hw.tops.verilog import rtlil_verilog
from sim.backends import verilator_library
from sim.drivers.ports import ToolError

TOP = "accelerator"

# No words on style. What depends on itself is refused: the harness evaluates everything once in a cycle.
TRANSLATE = (
    *("--cc", "--prefix", "Design", "--top-module", TOP, "-O3", "--x-assign", "fast", "--x-initial", "fast"),
    *("--noassert", "-Wno-lint", "-Wno-style", "-Werror-UNOPTFLAT", "-Wno-INITIALDLY", "-Wno-fatal"),
)

_RESET = re.compile(
    r"^  always @\(posedge clk, posedge rst\)\n    if \(rst\) .* <= .*;\n    else (.* <= .*;)\n", re.MULTILINE
)
_NO_RESET = re.compile(r"^  always @\(posedge clk\)\n    (\S+ ?) <= .*;$", re.MULTILINE)
_MODULE = re.compile(r"^module .*?^endmodule$", re.MULTILINE | re.DOTALL)


def simulator_verilog(component: wiring.Component) -> str:
    """Verilog of a component without logic for its reset, which a quarter of the time would go to.

    A register with a reset has the value that it is reset to as its declared one, others have none: they
    start as zeros. To power the registers with a value up again is a reset.
    """
    text = rtlil_verilog(component_rtlil(component, TOP, async_reset=True))
    return _MODULE.sub(_without_reset, text)


def _without_reset(found: re.Match[str]) -> str:
    text = found[0]
    for name in _NO_RESET.findall(text):
        text = re.sub(rf"^( *reg .*{re.escape(name)}) = \d+'[hd]0+;$", r"\1;", text, flags=re.MULTILINE)
    return _RESET.sub(r"  always @(posedge clk)\n    \1\n", text)


def package() -> Path:
    """The folder of Verilator's Python package: bin, include."""
    import verilator

    return Path(verilator.__file__).parent


def call(command: list[str], folder: Path, what: str) -> None:
    """Run a tool. Raises ToolError with its last lines if it fails."""
    kept = {name: value for name, value in os.environ.items() if name != "VERILATOR_ROOT"}
    done = subprocess.run(command, cwd=folder, env=kept, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stdout + done.stderr).splitlines()
        raise ToolError(f"{what} failed with exit code {done.returncode}:\n" + "\n".join(lines[-20:]))


def translate(text: str, folder: Path, waveform: bool) -> list[Path]:
    """Writes Verilog and its C++ into a folder; returns the C++ files, Verilator's own among them."""
    (folder / f"{TOP}.v").write_text(text)
    trace = ["--trace-vcd"] if waveform else []
    command = [str(package() / "bin/verilator"), *TRANSLATE, *trace, "--Mdir", "design", f"{TOP}.v"]
    call(command, folder, "Verilator")
    own = ["verilated.cpp", "verilated_threads.cpp", *(["verilated_vcd_c.cpp"] if waveform else [])]
    return sorted(folder.glob("design/*.cpp")) + [package() / "include" / name for name in own]


def compile_all(
    compiler: tuple[str, ...], defines: list[str], sources: list[Path], folder: Path, library: str
) -> None:
    """Compiles and links C++ files, as many at once as there are cores. Raises ToolError if one fails.

    What runs once, such as the start of a simulation, and Verilator's own files are compiled fast; the latter
    once for all designs.

    Parameters
    ----------
    compiler, defines: of all files; of those that are not Verilator's own.
    """
    include = [f"-I{folder / 'design'}", f"-I{package() / 'include'}", f"-I{package() / 'include/vltstd'}"]
    options = " ".join(compiler)
    verilator_library.give(folder, options)

    def one(source: Path) -> str:
        own = source.parent == package() / "include"
        level = ["-O1"] if own else ["-O0", *defines] if source.stem.endswith("Slow") else defines
        made = folder / f"{source.stem}.o"
        if not made.exists():
            call([*compiler, *include, *level, "-c", str(source), "-o", made.name], folder, "g++")
        return made.name

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(one, sources))
    verilator_library.keep(folder, options)
    call([*compiler, "-shared", *objects, "-o", library], folder, "g++")
