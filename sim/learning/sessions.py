"""A device that learns in a simulator: one simulation for all runs, so that it keeps what it has learnt."""

import functools
import tempfile
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from amaranth.hdl import ClockDomain, Module
from amaranth.sim import Simulator

from golden.device import Run
from golden.spec.config import Config
from golden.spec.errors import ErrorCode
from hw.learning.accelerator import LearningAccelerator
from sim.backends import cocotb_runner, compiled
from sim.backends.amaranth_backend import PERIOD, Bench
from sim.drivers.ports import RESET_CYCLES, ImageRecord, Job, SimulationError

Result = TypeVar("Result")
Int8 = npt.NDArray[np.int8]
OnRun = Callable[[ImageRecord], None]
"""Called with the record of each run: its cycles, and every word written."""

LIMIT = 100_000_000
"""Cycles of a run after which a simulation has failed."""


# Elaborating a device takes seconds, so a process does it once for each configuration.
@functools.cache
def device_library(config: Config, brief: bool = False) -> Path:
    """The compiled simulator of a device that learns; `brief` as of `compiled.translator`.

    Raises ToolError as `compiled.build`.
    """
    return compiled.build(LearningAccelerator(config), by=compiled.translator(brief=brief))


@dataclass(frozen=True)
class Session:
    """How a device is simulated.

    Parameters
    ----------
    config: of the device.  stalls, seed: pauses of its streams (`sim.drivers.ports.Job`).
    brief: few steps, as of `compiled.translator`.
    """

    config: Config
    stalls: float = 0.0
    seed: int = 0
    brief: bool = False

    def _job(self, run: Run) -> Job:
        return Job(
            config=self.config,
            program=run.program,
            images=run.frame[None],
            result_words=run.result_words,
            cycle_limit=LIMIT,
            skip=True,
            stalls=self.stalls,
            seed=self.seed,
        )

    def compiled(self, exchange: Generator[Run, Int8, Result], on_run: OnRun = lambda _: None) -> Result:
        """What the exchange ends with, by the compiled simulator.

        Raises SimulationError where the device stops or hangs.
        """
        library = device_library(self.config, brief=self.brief)
        simulator = compiled.CompiledSimulator(library, self.config.lanes, True, self.stalls, self.seed)
        try:
            run = next(exchange)
            while True:
                limit = self._job(run).limit
                status = simulator.load(run.program, limit)
                if status == "done":
                    status, record = simulator.run(run.frame, run.result_words, limit)
                if status != "done":
                    raise SimulationError(
                        f"compiled: the device ends a run with {status}, {simulator.error.name}"
                    )
                on_run(record)
                run = exchange.send(record.result)
        except StopIteration as end:
            return end.value
        finally:
            simulator.close()

    def cocotb(self, simulator: str, runs: list[Run]) -> tuple[list[Int8], list[int]]:
        """The results of runs that are known beforehand, and the cycles of each, on the emitted Verilog.

        Raises AssertionError where the device stops, hangs, or marks a wrong word as the last.
        """
        built = cocotb_runner.build(LearningAccelerator(self.config), simulator, "accelerator")
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            arrays: dict[str, npt.NDArray[Any]] = {}
            for number, run in enumerate(runs):
                arrays[f"program{number}"] = np.array(run.program, np.uint32)
                arrays[f"frame{number}"] = run.frame
            np.savez(folder / "runs.npz", **arrays)  # type: ignore[arg-type]
            given = {
                "runs": str(folder / "runs.npz"),
                "results": str(folder / "results.npz"),
                "lanes": self.config.lanes,
                "result_words": [run.result_words for run in runs],
                "limit": LIMIT,
                "stalls": self.stalls,
                "seed": self.seed,
            }
            cocotb_runner.run_bench(built, simulator, "accelerator", "sim.benches.learning", given, folder)
            with np.load(folder / "results.npz") as found:
                numbers = range(len(runs))
                results = [found[f"result{it}"].reshape(-1, self.config.lanes) for it in numbers]
                return results, [int(found[f"cycles{it}"]) for it in numbers]

    def amaranth(self, exchange: Generator[Run, Int8, Result], on_run: OnRun = lambda _: None) -> Result:
        """Likewise by Amaranth's own simulator, a few thousand cycles a second."""
        top = Module()
        top.domains.sync = domain = ClockDomain()
        top.submodules.accelerator = device = LearningAccelerator(self.config)
        simulator = Simulator(top)
        simulator.add_clock(PERIOD)
        results: list[Result] = []

        async def testbench(ctx: Any) -> None:
            ctx.set(device.skip, 1)
            ctx.set(domain.rst, 1)
            for _ in range(RESET_CYCLES):
                await ctx.tick()
            ctx.set(domain.rst, 0)
            try:
                run = next(exchange)
                while True:
                    bench = Bench(ctx, device, self._job(run))
                    await bench.load()
                    record = await bench.run(0)
                    if error := ctx.get(device.error):
                        raise SimulationError(f"amaranth: the device stops with {ErrorCode(error).name}")
                    on_run(record)
                    run = exchange.send(record.result)
            except StopIteration as end:
                results.append(end.value)

        simulator.add_testbench(testbench)
        simulator.run()
        return results[0]


def recorded(exchange: Generator[Run, Int8, Result], runs: list[Run]) -> Generator[Run, Int8, Result]:
    """The exchange; every run that it asks for is added to `runs`."""
    try:
        run = next(exchange)
        while True:
            runs.append(run)
            run = exchange.send((yield run))
    except StopIteration as end:
        result: Result = end.value
        return result


def replayed(exchange: Generator[Run, Int8, Result], results: list[Int8]) -> Result:
    """What the exchange ends with, if its runs have these results."""
    try:
        next(exchange)
        for result in results:
            exchange.send(result)
    except StopIteration as end:
        found: Result = end.value
        return found
    raise SimulationError(f"the exchange asks for more than {len(results)} runs")
