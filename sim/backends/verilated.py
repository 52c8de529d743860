"""The compiled simulator by Verilator: Amaranth → Verilog → Verilator → C++."""

import os
import re
import shutil
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from amaranth.lib import wiring

from hw.tops.emission import component_rtlil
from hw.tops.verilog import rtlil_verilog
from sim.backends import verilator_library
from sim.backends.processes import side_by_side
from sim.backends.quiet import with_rest
from sim.backends.translator import HARNESS, LIBRARY, TOP, Translator, call

TRIED = ("5.48",)
"""Versions (the first two numbers) of the `verilator` package that verilated_model.h was tried with: it calls
functions of the generated code that Verilator may rename."""

# No words on style. What depends on itself is refused: the harness evaluates everything once in a cycle.
_TRANSLATE = (
    *("--cc", "--prefix", "Design", "--top-module", TOP, "-O3", "--x-assign", "fast", "--x-initial", "fast"),
    *("--noassert", "-Wno-lint", "-Wno-style", "-Werror-UNOPTFLAT", "-Wno-INITIALDLY", "-Wno-fatal"),
)

_COMPILER = (
    *("-std=c++17", "-march=native", "-fPIC", "-w", "-DVERILATOR=1"),
    *("-DVM_COVERAGE=0", "-DVM_SC=0", "-DVM_TIMING=0", "-DVM_TRACE=0"),
)
LEVEL = "-O2"
"""Of the compiler, for what runs in every cycle. The tests, which run few cycles, take a lower one."""

_BRIEF_LEVEL = "-O0"
_OWN_LEVEL = "-O1"
"""Of Verilator's own files."""

_RESET = re.compile(
    r"^  always @\(posedge clk, posedge rst\)\n    if \(rst\) .* <= .*;\n    else (.* <= .*;)\n", re.MULTILINE
)
_NO_RESET = re.compile(r"^  always @\(posedge clk\)\n    (\S+ ?) <= .*;$", re.MULTILINE)
_MODULE = re.compile(r"^module .*?^endmodule$", re.MULTILINE | re.DOTALL)


_RESTING = r"\.(round_shift\d*|output\.adder|output\.pool|output\.pool\.round)$"
"""Modules that rest in most cycles, as they wait for words to write back."""


def is_usable() -> bool:
    """Whether a version of Verilator that was tried is here, with the Perl that starts it."""
    try:
        found = version("verilator")
    except PackageNotFoundError:
        return False
    return ".".join(found.split(".")[:2]) in TRIED and shutil.which("perl") is not None


def simulator_verilog(component: wiring.Component) -> str:
    """Verilog of a component without logic for its reset, which a quarter of the time would go to.

    A register with a reset has the value that it is reset to as its declared one, others have none: they
    start as zeros. To power the registers with a value up again is a reset.
    """
    text = rtlil_verilog(component_rtlil(component, TOP, async_reset=True))
    return with_rest(_MODULE.sub(_without_reset, text), _RESTING)


def _without_reset(found: re.Match[str]) -> str:
    text = found[0]
    for name in _NO_RESET.findall(text):
        text = re.sub(rf"^( *reg .*{re.escape(name)}) = \d+'[hd]0+;$", r"\1;", text, flags=re.MULTILINE)
    return _RESET.sub(r"  always @(posedge clk)\n    \1\n", text)


def package() -> Path:
    """The folder of Verilator's Python package: bin, include."""
    import verilator

    return Path(verilator.__file__).parent


def translate(text: str, folder: Path) -> list[Path]:
    """Writes Verilog and its C++ into a folder; returns the C++ files, without Verilator's own."""
    (folder / f"{TOP}.v").write_text(text)
    command = [str(package() / "bin/verilator"), *_TRANSLATE, "--Mdir", "design", f"{TOP}.v"]
    call(command, folder, "Verilator")
    return sorted(folder.glob("design/*.cpp"))


def shared_out(files: list[Path], shares: int) -> list[list[Path]]:
    """Files in at most so many shares of about equal size, the largest share first; none is empty."""
    found: list[list[Path]] = [[] for _ in range(shares)]
    sizes = [0] * shares
    for file in sorted(files, key=lambda it: (-it.stat().st_size, it.name)):
        least = sizes.index(min(sizes))
        found[least].append(file)
        sizes[least] += file.stat().st_size
    return [share for _, share in sorted(zip(sizes, found, strict=True), reverse=True) if share]


def _compile(level: str, text: str, folder: Path, compiler: str, defines: list[str], waveform: bool) -> None:
    """As many files at once as there are cores, each of which includes several, as their headers are long.

    What runs once, such as the start of a simulation, and Verilator's own files are compiled fast; the latter
    once for all designs.
    """
    assert not waveform, "CXXRTL makes the waveforms"
    made = translate(text, folder)
    once = [file for file in made if file.stem.endswith("Slow")]
    often = [file for file in made if file not in once]
    shares = shared_out([*often, HARNESS], os.cpu_count() or 1)
    units = [(f"often{number}", level, files) for number, files in enumerate(shares)]
    own = [package() / "include" / name for name in ("verilated.cpp", "verilated_threads.cpp")]
    units += [("verilated_own", _OWN_LEVEL, own), ("once", "-O0", once)]
    include = [f"-I{folder / 'design'}", f"-I{package() / 'include'}", f"-I{package() / 'include/vltstd'}"]
    options = " ".join((compiler, *_COMPILER, _OWN_LEVEL))
    verilator_library.give(folder, options)

    def one(unit: tuple[str, str, list[Path]]) -> str:
        name, level, files = unit
        source, made = folder / f"{name}.cpp", folder / f"{name}.o"
        if not made.exists():
            source.write_text("".join(f'#include "{file}"\n' for file in files))
            command = [compiler, *_COMPILER, *include, level, *defines, "-c", source.name, "-o", made.name]
            call(command, folder, "g++")
        return made.name

    objects = side_by_side(one, units)
    verilator_library.keep(folder, options)
    call([compiler, *_COMPILER, "-shared", *objects, "-o", LIBRARY], folder, "g++")


def _options(level: str) -> str:
    return repr((version("verilator"), _TRANSLATE, _COMPILER, level))


VERILATED = Translator(
    "Verilator",
    "verilated_model.h",
    simulator_verilog,
    lambda: _options(LEVEL),
    lambda *parts: _compile(LEVEL, *parts),
)
"""The fastest one."""

BRIEF = replace(
    VERILATED, options=lambda: _options(_BRIEF_LEVEL), compile=lambda *parts: _compile(_BRIEF_LEVEL, *parts)
)
"""For few cycles: it runs more slowly, but is there sooner."""
