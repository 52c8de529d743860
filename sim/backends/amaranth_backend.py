"""The accelerator in Amaranth's own simulator: a few thousand cycles per second, nothing to build."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from amaranth.hdl import ClockDomain, Module
from amaranth.sim import Simulator

from golden.spec.errors import ErrorCode
from sim.backends.waveforms import name_all
from sim.drivers.handshake import watch_outputs
from sim.drivers.pauses import Pauses
from sim.drivers.ports import (
    RESET_CYCLES,
    Each,
    ImageRecord,
    Job,
    Recording,
    SimulationError,
    result_end,
    write_type,
)

PERIOD = 1e-9


@dataclass
class Bench:
    """Drives the ports of a component; one call of `step` is one clock cycle."""

    ctx: Any
    dut: Any
    job: Job

    def __post_init__(self) -> None:
        self.pauses = Pauses(self.job.stalls, self.job.seed)
        self.clocks = 0
        dut = self.dut
        self.ports = (
            *(dut.i_program.ready, dut.i_image.ready, dut.o_result.valid, dut.o_result.payload),
            *(dut.error, dut.loaded, dut.busy),
            *(dut.trace.valid, dut.trace.address, dut.trace.enable, dut.trace.data),
        )

    async def step(self) -> Any:
        """The port values that the clock edge sees, in the order of `ports`."""
        _, _, *values = await self.ctx.tick().sample(*self.ports)
        self.clocks += 1
        return values

    def bytes_of(self, word: int) -> Any:
        """The lanes of a packed word."""
        return np.frombuffer(word.to_bytes(self.job.config.lanes, "little"), np.int8)

    async def load(self) -> None:
        """Streams the program; ends when it is accepted or refused."""
        ctx, dut, sent, valid = self.ctx, self.dut, 0, False
        for _ in range(self.job.limit):
            valid = sent < len(self.job.program) and (valid or not self.pauses())
            ctx.set(dut.i_program.valid, valid)
            if valid:
                ctx.set(dut.i_program.payload, self.job.program[sent])
            ready, _, _, _, error, loaded, *_ = await self.step()
            if valid and ready:
                sent += 1
                valid = False
            if error or (loaded and sent == len(self.job.program)):
                ctx.set(dut.i_program.valid, 0)
                return
        raise SimulationError(f"amaranth: loading did not end in {self.job.limit} cycles")

    async def run(self, number: int) -> ImageRecord:
        """Streams one image and takes its result; ends early at an error."""
        ctx, dut, job = self.ctx, self.dut, self.job
        words = [int.from_bytes(word.tobytes(), "little") for word in job.images[number]]
        where = f"amaranth: image {number}"
        sent, valid, begin = 0, False, 0
        writes, result = [], []
        for cycle in range(job.limit):
            valid = sent < len(words) and (valid or not self.pauses())
            ctx.set(dut.i_image.valid, valid)
            if valid:
                ctx.set(dut.i_image.payload, {"data": words[sent], "last": sent == len(words) - 1})
            taking = not self.pauses()
            ctx.set(dut.o_result.ready, taking)
            _, ready, out_valid, out, error, _, busy, write, address, enable, data = await self.step()
            if write:
                writes.append((cycle - begin, address, enable, self.bytes_of(data)))
            if error:
                break
            if valid and ready:
                sent += 1
                valid = False
                if sent == len(words):
                    begin = cycle
            if out_valid and taking:
                result.append(self.bytes_of(out.data))
                if out.last != (len(result) == job.result_words):
                    raise SimulationError(result_end(where, len(result), job.result_words))
            if sent == len(words) and len(result) == job.result_words and not busy:
                break
        else:
            raise SimulationError(f"{where} did not end in {job.limit} cycles")
        return ImageRecord(
            writes=np.array(writes, dtype=write_type(job.config.lanes)),
            result=np.array(result, dtype=np.int8).reshape(-1, job.config.lanes),
            cycles=ctx.get(dut.cycles),
            load_cycles=begin + 1,
        )


def simulate(component: Any, job: Job, each: Each) -> Recording:
    """Runs a job on a component with the accelerator's ports.

    Raises SimulationError when it hangs, or when a payload does not stand until it is taken.
    """
    top = Module()
    top.domains.sync = domain = ClockDomain()
    top.submodules.accelerator = component
    simulator = Simulator(top)
    simulator.add_clock(PERIOD)
    watch_outputs(simulator, component)
    outcome: list[Recording] = []

    async def testbench(ctx: Any) -> None:
        start = time.perf_counter()
        bench = Bench(ctx, component, job)
        ctx.set(component.skip, job.skip)
        ctx.set(domain.rst, 1)
        for _ in range(RESET_CYCLES):
            await ctx.tick()
        ctx.set(domain.rst, 0)
        await bench.load()
        program_cycles = bench.clocks
        elapsed = time.perf_counter() - start
        error = component.error
        for number in range(len(job.images)):
            if ctx.get(error):
                break
            start = time.perf_counter()
            record = await bench.run(number)
            elapsed += time.perf_counter() - start
            each(number, record)
        outcome.append(Recording(program_cycles, ErrorCode(ctx.get(error)), bench.clocks, elapsed))

    simulator.add_testbench(testbench)
    if job.waveform is None:
        simulator.run()
    else:
        partial = job.waveform.with_name(job.waveform.name + ".partial")
        with simulator.write_vcd(str(partial)):
            simulator.run()
        name_all(partial)
        partial.replace(job.waveform)
    return outcome[0]
