"""A device that learns in a simulator: one simulation for all runs, so that it keeps what it has learnt."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from amaranth.hdl import ClockDomain, Module
from amaranth.sim import Simulator

from golden.device import Run
from golden.spec.config import Config
from golden.spec.errors import ErrorCode
from hw.learning.accelerator import LearningAccelerator
from sim.backends import compiled
from sim.backends.amaranth_backend import PERIOD, Bench
from sim.drivers.ports import RESET_CYCLES, ImageRecord, Job, SimulationError

Result = TypeVar("Result")
Int8 = npt.NDArray[np.int8]
OnRun = Callable[[ImageRecord], None]
"""Called with the record of each run: its cycles, and every word written."""

LIMIT = 100_000_000
"""Cycles of a run after which a simulation has failed."""


@dataclass(frozen=True)
class Session:
    """How a device is simulated.

    Parameters
    ----------
    config: of the device.  stalls, seed: pauses of its streams (`sim.drivers.ports.Job`).
    """

    config: Config
    stalls: float = 0.0
    seed: int = 0

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
        library = compiled.build(LearningAccelerator(self.config))
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
                        f"cxxrtl: the device ends a run with {status}, {simulator.error.name}"
                    )
                on_run(record)
                run = exchange.send(record.result)
        except StopIteration as end:
            return end.value
        finally:
            simulator.close()

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
