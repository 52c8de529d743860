"""The compiled simulator by CXXRTL: Amaranth → RTLIL → Yosys → C++."""

import itertools
import re
import sys
from pathlib import Path

from amaranth.back import rtlil
from amaranth.lib import wiring

from sim.backends.translator import HARNESS, LIBRARY, TOP, Translator, call
from sim.drivers.ports import ToolError

# In a process of its own: Yosys writes pages to standard output, and a fault in it stays there.
_TRANSLATE = """
import sys
from pyosys import libyosys
design = libyosys.Design()
for line in sys.argv[1].split(";"):
    libyosys.run_pass(line, design)
"""

# Equal cells of different units become one (the lanes of the requantiser share their masks), which
# halves the code.
_PASSES = (
    "read_rtlil {il};hierarchy -auto-top;flatten;proc;opt_merge;opt_clean;{split}write_cxxrtl -g{level} {cc}"
)

_COMPILER = ("-std=c++17", "-march=native", "-fPIC", "-shared", "-Wall")

_PLAIN = ("-O3",)
# Waveforms are for one image, so that compiling takes longer than running.
_WAVEFORM = ("-O0", "-DLIGHTDEAL_WAVEFORM")

# Initial zeros of memories are what CXXRTL starts with anyway, and g++ is slow on long tables.
_ZEROS = re.compile(
    r"^  cell \$meminit_v2 .*\n(?:    .*\n)*?    connect \\DATA \d+'0+\n(?:    .*\n)*?  end\n", re.MULTILINE
)

# What Yosys says about words that depend on themselves; the harness evaluates once per cycle.
_FEEDBACK = "contains feedback arcs through wires:"


def _is_indented(line: str) -> bool:
    return line.startswith("  ")


def _runtime() -> Path:
    """Headers of the CXXRTL runtime in the pyosys package."""
    import pyosys

    return Path(pyosys.__file__).parent / "share/include/backends/cxxrtl/runtime"


def _text(component: wiring.Component) -> str:
    return _ZEROS.sub("", rtlil.convert(component, name=TOP, emit_src=False))


def translate(folder: Path, level: int) -> None:
    """accelerator.il → accelerator.cc of a folder; `level` of CXXRTL's debug information.

    A word that depends on itself, though none of its bits does, is split. Raises ToolError where that is not
    enough: a port, or an operation on whole words.
    """
    if (wires := _translate(folder, level, "")) and (left := _translate(folder, level, _split(wires))):
        raise ToolError(f"the design has words that depend on themselves: {', '.join(left)}")


def _translate(folder: Path, level: int, split: str) -> list[str]:
    """Writes C++; returns the wires that depend on themselves."""
    passes = _PASSES.format(il=f"{TOP}.il", cc=f"{TOP}.cc", level=level, split=split)
    log = call([sys.executable, "-c", _TRANSLATE, passes], folder, "Yosys (write_cxxrtl)")
    if _FEEDBACK not in log:
        return []
    lines = log[log.index(_FEEDBACK) :].splitlines()[1:]
    return [line.strip() for line in itertools.takewhile(_is_indented, lines)]


def _split(wires: list[str]) -> str:
    """A pass that makes bits of words: a word may only seem to depend on itself, bit upon other bit."""
    return f"splitnets {' '.join('w:*' + wire.replace(chr(92), '?') for wire in wires)};"


def _compile(text: str, folder: Path, compiler: str, defines: list[str], waveform: bool) -> None:
    (folder / f"{TOP}.il").write_text(text)
    translate(folder, level=4 if waveform else 0)
    options = _WAVEFORM if waveform else _PLAIN
    include = [f"-I{folder}", f"-I{_runtime()}"]
    call(
        [compiler, *_COMPILER, *options, *include, *defines, str(HARNESS), "-o", LIBRARY],
        folder,
        "g++",
    )


CXXRTL = Translator(
    "CXXRTL", "cxxrtl_model.h", _text, lambda: repr((_PASSES, _COMPILER, _PLAIN, _WAVEFORM)), _compile
)
"""Part of Yosys, which is here in any case; the only one of the two that makes waveforms."""
