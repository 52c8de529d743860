"""All backends, by name: golden first; the others are the hardware."""

import functools
from functools import partial
from pathlib import Path

from golden.spec.config import Config
from sim.backends.golden_machine import GoldenMachine
from sim.backends.hardware import Hardware
from sim.backends.protocol import Backend
from sim.backends.simulators import SIMULATORS
from sim.drivers.ports import Each, Job, Recording, SimulationError


# What a simulator needs is imported when it runs: the command line's help names them all.
def _amaranth(job: Job, each: Each) -> Recording:
    from hw.core.accelerator import Accelerator
    from sim.backends import amaranth_backend

    return amaranth_backend.simulate(Accelerator(job.config), job, each)


def _verilog(simulator: str, job: Job, each: Each) -> Recording:
    from sim.backends import cocotb_runner

    return cocotb_runner.simulate(_simulator(job.config, simulator), simulator, job, each)


def _compiled(job: Job, each: Each) -> Recording:
    from sim.backends import compiled

    return compiled.simulate(_library(job.config, job.waveform is not None), job, each)


# Elaborating an accelerator takes seconds, so a process does it once for each configuration.
@functools.cache
def _library(config: Config, waveform: bool) -> Path:
    from hw.core.accelerator import Accelerator
    from sim.backends import compiled

    return compiled.build(Accelerator(config), waveform)


@functools.cache
def _simulator(config: Config, simulator: str) -> Path:
    from hw.core.accelerator import Accelerator
    from sim.backends import cocotb_runner

    return cocotb_runner.build(Accelerator(config), simulator, "accelerator")


_HARDWARE = (
    Hardware("amaranth", _amaranth),
    *(Hardware(name, partial(_verilog, name)) for name in SIMULATORS),
    Hardware("compiled", _compiled),
)
HARDWARE = {it.name: it for it in _HARDWARE}
"""The accelerator in Amaranth's own simulator, the emitted Verilog under cocotb on two simulators, and
compiled C++ (the only one for whole networks on many images)."""

BACKENDS: dict[str, Backend] = {"golden": GoldenMachine(), **HARDWARE}


def backend(name: str) -> Backend:
    """The backend of a name. Raises SimulationError for any other."""
    if name not in BACKENDS:
        raise SimulationError(f"backend {name!r}; legal: {', '.join(BACKENDS)}")
    return BACKENDS[name]
