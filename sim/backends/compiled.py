"""The accelerator as compiled C++: Amaranth → RTLIL → CXXRTL → shared library → ctypes.

The only backend fast enough for whole networks on many images. A library is built once for each
design and kept under `build/sim/<digest>/`.
"""

import ctypes
import hashlib
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
from amaranth.back import rtlil
from amaranth.lib import wiring

from golden.spec.errors import FIRST_RECOVERED, ErrorCode
from sim.backends.places import place_of
from sim.drivers.ports import Bytes, Each, ImageRecord, Job, Recording, SimulationError, ToolError, write_type

HARNESS = Path(__file__).with_name("compiled.cc")

COMPILER = (
    *("g++", "-std=c++17", "-march=native", "-fPIC", "-shared", "-Wall"),
    f"-DLIGHTDEAL_RECOVERED={FIRST_RECOVERED}",
)

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

# Initial zeros of memories are what CXXRTL starts with anyway, and g++ is slow on long tables.
_ZEROS = re.compile(
    r"^  cell \$meminit_v2 .*\n(?:    .*\n)*?    connect \\DATA \d+'0+\n(?:    .*\n)*?  end\n", re.MULTILINE
)

_STATUS = ("done", "error", "limit", "mark", "changed")


# What Yosys says about words that depend on themselves; the harness evaluates once per cycle.
_FEEDBACK = "contains feedback arcs through wires:"


def _is_indented(line: str) -> bool:
    return line.startswith("  ")


def _runtime() -> Path:
    """Headers of the CXXRTL runtime in the pyosys package."""
    import pyosys

    return Path(pyosys.__file__).parent / "share/include/backends/cxxrtl/runtime"


def _call(command: list[str], folder: Path, what: str) -> str:
    """The output of a tool. Raises ToolError with its last lines if it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stdout + done.stderr).splitlines()
        raise ToolError(f"{what} failed with exit code {done.returncode}:\n" + "\n".join(lines[-20:]))
    return done.stdout


def translate(folder: Path, level: int) -> None:
    """accelerator.il → accelerator.cc of a folder; `level` of CXXRTL's debug information.

    A word that depends on itself, though none of its bits does, is split. Raises ToolError where that is not
    enough: a port, or an operation on whole words.
    """
    if (wires := _translate(folder, level, "")) and (left := _translate(folder, level, _split(wires))):
        raise ToolError(f"the design has words that depend on themselves: {', '.join(left)}")


def _translate(folder: Path, level: int, split: str) -> list[str]:
    """Writes C++; returns the wires that depend on themselves."""
    passes = _PASSES.format(il="accelerator.il", cc="accelerator.cc", level=level, split=split)
    log = _call([sys.executable, "-c", _TRANSLATE, passes], folder, "Yosys (write_cxxrtl)")
    if _FEEDBACK not in log:
        return []
    lines = log[log.index(_FEEDBACK) :].splitlines()[1:]
    return [line.strip() for line in itertools.takewhile(_is_indented, lines)]


def _split(wires: list[str]) -> str:
    """A pass that makes bits of words: a word may only seem to depend on itself, bit upon other bit."""
    return f"splitnets {' '.join('w:*' + wire.replace(chr(92), '?') for wire in wires)};"


def build(component: wiring.Component, waveform: bool = False) -> Path:
    """The shared library of a component with the accelerator's ports; built if it is not there.

    With `waveform` the library can write VCD files; it is larger and slower. A build happens in a
    temporary folder and is renamed at its end, so a folder under its final name is whole.

    Raises ToolError if g++ is missing or a tool fails.
    """
    text = _ZEROS.sub("", rtlil.convert(component, name="accelerator", emit_src=False))
    # Waveforms are for one image, so that compiling takes longer than running.
    options = ("-O1", "-DLIGHTDEAL_WAVEFORM") if waveform else ("-O3",)
    parts = (text, HARNESS.read_text(), _PASSES, repr((COMPILER, options)))
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]
    folder = place_of(digest)
    library = folder / "accelerator.so"
    if library.exists():
        return library
    if shutil.which(COMPILER[0]) is None:
        raise ToolError("the compiled simulator needs g++: install the Debian package g++")
    with tempfile.TemporaryDirectory(prefix="partial-", dir=folder.parent) as name:
        partial = Path(name)
        (partial / "accelerator.il").write_text(text)
        translate(partial, level=4 if waveform else 0)
        include = [f"-I{partial}", f"-I{_runtime()}"]
        _call([*COMPILER, *options, *include, str(HARNESS), "-o", library.name], partial, "g++")
        whole = partial / "whole"
        whole.mkdir()
        for file in ("accelerator.il", "accelerator.cc", library.name):
            (partial / file).rename(whole / file)
        try:
            whole.rename(folder)
        except OSError:
            # Another process finished the same build first.
            if not library.exists():
                raise
    return library


class CompiledSimulator:
    """One accelerator in a compiled library: fresh memories, reset done.

    Use as a context manager through `open_simulator`.
    """

    def __init__(self, library: Path, lanes: int, skip: bool, stalls: float, seed: int) -> None:
        self.lanes = lanes
        self._library = ctypes.CDLL(str(library))
        for name in ("new", "writes"):
            getattr(self._library, f"lightdeal_{name}").restype = ctypes.c_void_p
        for name in ("cycles", "counter", "begin", "write_count", "write_size"):
            getattr(self._library, f"lightdeal_{name}").restype = ctypes.c_uint64
        size = self._library.lightdeal_write_size()
        if size != write_type(lanes).itemsize:
            raise SimulationError(f"{library}: a write has {size} bytes, not {write_type(lanes).itemsize}")
        pause = ctypes.c_uint32(round(stalls * 65536))
        # Neighbouring seeds must not give neighbouring states of the shift register.
        state = ctypes.c_uint32(int.from_bytes(hashlib.sha256(str(seed).encode()).digest()[:4], "big"))
        self._handle = ctypes.c_void_p(self._library.lightdeal_new(int(skip), pause, state))

    def close(self) -> None:
        """Frees it."""
        self._library.lightdeal_free(self._handle)

    def reset(self) -> None:
        """Resets the accelerator, at whatever it is; memories keep what they hold."""
        self._library.lightdeal_reset(self._handle)

    @property
    def cycles(self) -> int:
        """Clock cycles of the last `load` or `run`."""
        return int(self._library.lightdeal_cycles(self._handle))

    @property
    def error(self) -> ErrorCode:
        """The error register."""
        return ErrorCode(self._library.lightdeal_error(self._handle))

    def load(self, words: list[int], limit: int) -> str:
        """Streams a program; "done" when it is accepted, "error", or "limit" after `limit` cycles.

        An error of which the accelerator recovers is reported when all words were taken.
        """
        data = np.array(words, dtype=np.uint32)
        status = self._library.lightdeal_load(
            self._handle, data.ctypes, ctypes.c_uint64(len(data)), ctypes.c_uint64(limit)
        )
        return _STATUS[status]

    def run(self, image: Bytes, result_words: int, limit: int) -> tuple[str, ImageRecord]:
        """Streams one image, int8 (words, lanes), its last word marked, and takes its result, all within
        `limit` clock cycles.

        The first value is "done", "error", "limit" (hung), "mark" (the result's last word, and no
        other, was not marked as the last) or "changed" (a result word did not stand until it was taken).
        After an error of which the accelerator recovers all words were taken.
        """
        image = np.ascontiguousarray(image, dtype=np.int8)
        result = np.zeros((result_words, self.lanes), dtype=np.int8)
        status = self._library.lightdeal_run(
            self._handle,
            image.ctypes,
            ctypes.c_uint64(len(image)),
            result.ctypes,
            ctypes.c_uint64(result_words),
            ctypes.c_uint64(limit),
        )
        count = self._library.lightdeal_write_count(self._handle)
        kind = write_type(self.lanes)
        data = ctypes.string_at(self._library.lightdeal_writes(self._handle), count * kind.itemsize)
        record = ImageRecord(
            writes=np.frombuffer(data, dtype=kind),
            result=result if status == 0 else result[:0],
            cycles=int(self._library.lightdeal_counter(self._handle)),
            load_cycles=int(self._library.lightdeal_begin(self._handle)) + 1,
        )
        return _STATUS[status], record

    @contextmanager
    def waveform(self, path: Path) -> Iterator[None]:
        """Writes all that happens inside to a VCD file; the file appears whole or not at all."""
        partial = path.with_name(path.name + ".partial")
        if not self._library.lightdeal_wave_begin(self._handle, os.fsencode(partial)):
            raise SimulationError(f"waveform {path}: cannot be written")
        try:
            yield
        finally:
            if self._library.lightdeal_wave_end(self._handle):
                partial.replace(path)


@contextmanager
def open_simulator(library: Path, job: Job) -> Iterator[CompiledSimulator]:
    """A simulator for a job, closed at the end."""
    simulator = CompiledSimulator(library, job.config.lanes, job.skip, job.stalls, job.seed)
    try:
        yield simulator
    finally:
        simulator.close()


def simulate(library: Path, job: Job, each: Each) -> Recording:
    """Runs a job on a library of `build`, made with `waveform` if the job has one.

    Raises SimulationError when the accelerator hangs.
    """
    with open_simulator(library, job) as simulator:
        start = time.perf_counter()
        status = simulator.load(job.program, job.limit)
        seconds = time.perf_counter() - start
        clocks = program_cycles = simulator.cycles
        if status not in ("done", "error"):
            raise SimulationError(f"cxxrtl: loading did not end in {program_cycles} cycles: {status}")
        for number, image in enumerate(job.images):
            if simulator.error:
                break
            with simulator.waveform(job.waveform) if job.waveform and number == 0 else nullcontext():
                start = time.perf_counter()
                status, record = simulator.run(image, job.result_words, job.limit)
                seconds += time.perf_counter() - start
            clocks += simulator.cycles
            if status not in ("done", "error"):
                raise SimulationError(
                    f"cxxrtl: image {number} did not end as it must in {simulator.cycles} cycles: {status}"
                )
            each(number, record)
        return Recording(program_cycles, simulator.error, clocks, seconds)
