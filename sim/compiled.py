"""The accelerator as compiled C++: Amaranth → RTLIL → CXXRTL → shared library → ctypes.

The only backend fast enough for whole networks on many images. A library is built once for each
design and kept under `build/sim/<digest>/`.
"""

import ctypes
import hashlib
import os
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

from golden.spec.config import Config
from golden.spec.errors import ErrorCode
from sim.ports import Each, ImageRecord, Job, Recording, SimulationError, ToolError, write_type

BUILD = Path(__file__).parent.parent / "build" / "sim"
"""Where simulators are built and kept."""

HARNESS = Path(__file__).with_name("compiled.cc")

COMPILER = ("g++", "-std=c++17", "-O2", "-march=native", "-fPIC", "-shared", "-Wall")

# In a process of its own: Yosys writes pages to standard output, and a fault in it stays there.
_TRANSLATE = """
import sys
from pyosys import libyosys
design = libyosys.Design()
libyosys.run_pass(f"read_rtlil {sys.argv[1]}", design)
libyosys.run_pass(f"write_cxxrtl -g{sys.argv[3]} {sys.argv[2]}", design)
"""

_STATUS = ("done", "error", "limit", "extra", "feedback")


def _runtime() -> Path:
    """Headers of the CXXRTL runtime in the pyosys package."""
    import pyosys

    return Path(pyosys.__file__).parent / "share/include/backends/cxxrtl/runtime"


def _call(command: list[str], folder: Path, what: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stdout + done.stderr).splitlines()
        raise ToolError(f"{what} failed with exit code {done.returncode}:\n" + "\n".join(lines[-20:]))


def build(component: wiring.Component, waveform: bool = False) -> Path:
    """The shared library of a component with the accelerator's ports; built if it is not there.

    With `waveform` the library can write VCD files; it is larger and slower. A build happens in a
    temporary folder and is renamed at its end, so a folder under its final name is whole.

    Raises ToolError if g++ is missing or a tool fails.
    """
    text = rtlil.convert(component, name="accelerator", emit_src=False)
    parts = (text, HARNESS.read_text(), _TRANSLATE, repr((COMPILER, waveform)), write_type.__module__)
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]
    folder = BUILD / digest
    library = folder / "accelerator.so"
    if library.exists():
        return library
    if shutil.which(COMPILER[0]) is None:
        raise ToolError("the compiled simulator needs g++: install the Debian package g++")
    BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="partial-", dir=BUILD) as name:
        partial = Path(name)
        (partial / "accelerator.il").write_text(text)
        level = "4" if waveform else "0"
        translate = [sys.executable, "-c", _TRANSLATE, "accelerator.il", "accelerator.cc", level]
        _call(translate, partial, "Yosys (write_cxxrtl)")
        define = ["-DLIGHTDEAL_WAVEFORM"] if waveform else []
        include = [f"-I{partial}", f"-I{_runtime()}"]
        _call([*COMPILER, *define, *include, str(HARNESS), "-o", library.name], partial, "g++")
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


class Engine:
    """One accelerator in a compiled library: fresh memories, reset done.

    Use as a context manager through `open_engine`.
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
        self._engine = ctypes.c_void_p(self._library.lightdeal_new(int(skip), pause, state))

    def close(self) -> None:
        """Frees the engine."""
        self._library.lightdeal_free(self._engine)

    @property
    def cycles(self) -> int:
        """Clock cycles of the last `load` or `run`."""
        return int(self._library.lightdeal_cycles(self._engine))

    @property
    def error(self) -> ErrorCode:
        """The error register."""
        return ErrorCode(self._library.lightdeal_error(self._engine))

    def load(self, words: list[int], limit: int) -> str:
        """Streams a program; "done" when it is accepted, "error", or "limit" after `limit` cycles."""
        data = np.array(words, dtype=np.uint32)
        status = self._library.lightdeal_load(
            self._engine, data.ctypes, ctypes.c_uint64(len(data)), ctypes.c_uint64(limit)
        )
        return _STATUS[status]

    def run(self, image: np.ndarray, result_words: int, limit: int) -> tuple[str, ImageRecord]:  # type: ignore[type-arg]
        """Streams one image, int8 (words, lanes), and takes its result.

        The first value is "done", "error", "limit" (hung), "extra" (more than `result_words` came
        out) or "feedback" (the design has a combinational loop).
        """
        image = np.ascontiguousarray(image, dtype=np.int8)
        result = np.zeros((result_words, self.lanes), dtype=np.int8)
        status = self._library.lightdeal_run(
            self._engine,
            image.ctypes,
            ctypes.c_uint64(len(image)),
            result.ctypes,
            ctypes.c_uint64(result_words),
            ctypes.c_uint64(limit),
        )
        count = self._library.lightdeal_write_count(self._engine)
        kind = write_type(self.lanes)
        data = ctypes.string_at(self._library.lightdeal_writes(self._engine), count * kind.itemsize)
        record = ImageRecord(
            writes=np.frombuffer(data, dtype=kind),
            result=result if status == 0 else result[:0],
            cycles=int(self._library.lightdeal_counter(self._engine)),
            load_cycles=int(self._library.lightdeal_begin(self._engine)) + 1,
        )
        return _STATUS[status], record

    @contextmanager
    def waveform(self, path: Path) -> Iterator[None]:
        """Writes all that happens inside to a VCD file; the file appears whole or not at all."""
        partial = path.with_name(path.name + ".partial")
        if not self._library.lightdeal_wave_begin(self._engine, os.fsencode(partial)):
            raise SimulationError(f"waveform {path}: cannot be written")
        try:
            yield
        finally:
            if self._library.lightdeal_wave_end(self._engine):
                partial.replace(path)


@contextmanager
def open_engine(component: wiring.Component, config: Config, job: Job) -> Iterator[Engine]:
    """An engine for a job, closed at the end. Raises ToolError as `build` does."""
    library = build(component, waveform=job.waveform is not None)
    engine = Engine(library, config.lanes, job.skip, job.stalls, job.seed)
    try:
        yield engine
    finally:
        engine.close()


def simulate(component: wiring.Component, job: Job, each: Each) -> Recording:
    """Runs a job on a component with the accelerator's ports (`sim.ports.Simulate`)."""
    with open_engine(component, job.config, job) as engine:
        start = time.perf_counter()
        status = engine.load(job.program, job.limit)
        seconds = time.perf_counter() - start
        clocks = program_cycles = engine.cycles
        if status not in ("done", "error"):
            raise SimulationError(f"cxxrtl: loading did not end in {program_cycles} cycles: {status}")
        for number, image in enumerate(job.images):
            if engine.error:
                break
            wave = number == 0 and job.waveform is not None
            with engine.waveform(job.waveform) if wave else nullcontext():
                start = time.perf_counter()
                status, record = engine.run(image, job.result_words, job.limit)
                seconds += time.perf_counter() - start
            clocks += engine.cycles
            if status not in ("done", "error"):
                raise SimulationError(
                    f"cxxrtl: image {number} did not end as it must in {engine.cycles} cycles: {status}"
                )
            each(number, record)
        return Recording(program_cycles, engine.error, clocks, seconds)
