"""CXXRTL as a measure of the compiled simulator: the same design and job, built as this project once did."""

import subprocess
import sys
from pathlib import Path

import numpy as np
from amaranth.back import rtlil

from flows.synth.memories import without_zeros
from golden.spec.config import Config
from hw.core.accelerator import Accelerator
from sim.backends.verilated import call
from sim.drivers.ports import Job

_HARNESS = Path(__file__).with_name("cxxrtl.cc")

_TRANSLATE = """
from pyosys import libyosys
design = libyosys.Design()
for line in (
    *("read_rtlil design.il", "hierarchy -auto-top", "flatten", "proc", "opt_merge", "opt_clean"),
    "write_cxxrtl -g0 design.cc",
):
    libyosys.run_pass(line, design)
"""


def cxxrtl_speed(config: Config, job: Job, folder: Path) -> float:
    """Clock cycles per processor second, in thousands, of a job in a simulator that is built for it.

    Raises ToolError if a tool fails.
    """
    import pyosys

    (folder / "design.il").write_text(
        without_zeros(rtlil.convert(Accelerator(config), name="accelerator", emit_src=False))
    )
    call([sys.executable, "-c", _TRANSLATE], folder, "Yosys (write_cxxrtl)")
    runtime = Path(pyosys.__file__).parent / "share/include/backends/cxxrtl/runtime"
    compiler = ["g++", "-std=c++17", "-O3", "-march=native", "-w", f"-I{runtime}", f"-I{folder}"]
    call([*compiler, str(_HARNESS), "-o", "reference"], folder, "g++")
    images = np.ascontiguousarray(job.images)
    head = [len(job.program), *images.shape, job.result_words]
    words = np.array([*head, *job.program], np.uint32)
    (folder / "job").write_bytes(words.tobytes() + images.tobytes())
    done = subprocess.run(
        [folder / "reference", "job"], cwd=folder, capture_output=True, text=True, check=True
    )
    cycles, seconds = done.stdout.split()
    return int(cycles) / float(seconds) / 1000
