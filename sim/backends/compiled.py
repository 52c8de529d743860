"""The accelerator as compiled C++: Amaranth → Verilator or CXXRTL → shared library → ctypes.

The only backend fast enough for whole networks on many images. A library is built once for each
design and kept under `build/sim/<digest>/`.
"""

import ctypes
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
from amaranth.lib import wiring

from golden.spec.errors import FIRST_RECOVERED, ErrorCode
from sim.backends.cxxrtl import CXXRTL
from sim.backends.places import place_of
from sim.backends.translator import HARNESS, LIBRARY, Translator
from sim.backends.verilated import BRIEF, VERILATED, is_usable
from sim.backends.waveforms import name_all
from sim.drivers.ports import Bytes, Each, ImageRecord, Job, Recording, SimulationError, ToolError, write_type

COMPILER = "g++"

_STATUS = ("done", "error", "limit", "mark", "changed")


def translator(waveform: bool = False, brief: bool = False) -> Translator:
    """Verilator where it can be used, as it is the faster one, else CXXRTL; CXXRTL for waveforms.

    `brief`: for so few cycles that compiling takes longer than running.
    """
    if waveform or not is_usable():
        return CXXRTL
    return BRIEF if brief else VERILATED


def build(component: wiring.Component, waveform: bool = False, by: Translator | None = None) -> Path:
    """The shared library of a component with the accelerator's ports; built if it is not there.

    With `waveform` the library can write VCD files; it is larger and slower. `by`: that of `translator`,
    unless given. A build happens in a temporary folder and is renamed at its end, so a folder under its final
    name is whole.

    Raises ToolError if g++ is missing or a tool fails.
    """
    by = by or translator(waveform)
    text = by.text(component)
    model = HARNESS.with_name(by.model)
    defines = [
        f'-DLIGHTDEAL_MODEL="{by.model}"',
        f"-DLIGHTDEAL_LANES={len(component.trace.enable)}",
        f"-DLIGHTDEAL_RECOVERED={FIRST_RECOVERED}",
    ]
    parts = (text, HARNESS.read_text(), model.read_text(), by.options(), repr((COMPILER, defines, waveform)))
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]
    folder = place_of(digest)
    library = folder / LIBRARY
    if library.exists():
        return library
    if shutil.which(COMPILER) is None:
        raise ToolError("the compiled simulator needs g++: install the Debian package g++")
    with tempfile.TemporaryDirectory(prefix="partial-", dir=folder.parent) as name:
        partial = Path(name)
        by.compile(text, partial, COMPILER, defines, waveform)
        whole = partial / "whole"
        whole.mkdir()
        (partial / LIBRARY).rename(whole / LIBRARY)
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
                name_all(partial)
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
            raise SimulationError(f"compiled: loading did not end in {program_cycles} cycles: {status}")
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
                    f"compiled: image {number} did not end as it must in {simulator.cycles} cycles: {status}"
                )
            each(number, record)
        return Recording(program_cycles, simulator.error, clocks, seconds)
