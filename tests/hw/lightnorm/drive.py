"""Streams in and out of a component under test, with stalls on both sides."""

import random
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from amaranth.lib import wiring
from amaranth.sim import Simulator

from sim.drivers.handshake import watch_outputs

CYCLES = 20_000
"""Limit of every wait."""


def run_stream(
    dut: wiring.Component, inputs: Sequence[Any], count: int, rng: random.Random, stall: float
) -> tuple[list[Any], int]:
    """As `run_streams` with one output, `o`: (payloads, cycles)."""
    results, cycles = run_streams(dut, {"i": inputs}, {"o": count}, rng, stall, {})
    return results["o"], cycles


def run_streams(
    dut: wiring.Component,
    inputs: Mapping[str, Sequence[Any]],
    counts: dict[str, int],
    rng: random.Random,
    stall: float,
    ports: dict[str, Any],
) -> tuple[dict[str, list[Any]], int]:
    """Sends to input streams and takes what comes: ({stream: payloads}, cycles to the last one).

    Payloads on output streams must stand until they are taken.

    Parameters
    ----------
    inputs: payloads for each input stream.  counts: payloads that each output stream gives.
    ports: inputs that stand still.
    stall: probability, each cycle and stream, that this side does not take part.
    """
    results: dict[str, list[Any]] = {name: [] for name in counts}
    cycles = 0

    async def send(ctx: Any, port: Any, payloads: Sequence[Any]) -> None:
        for payload in payloads:
            while rng.random() < stall:
                await ctx.tick()
            ctx.set(port.payload, payload)
            ctx.set(port.valid, 1)
            for _ in range(CYCLES):
                _, _, taken = await ctx.tick().sample(port.ready)
                if taken:
                    break
            else:
                raise AssertionError("the component takes no input any more")
            ctx.set(port.valid, 0)

    async def take(ctx: Any) -> None:
        nonlocal cycles
        for name, value in ports.items():
            ctx.set(getattr(dut, name), value)
        streams = [getattr(dut, name) for name in counts]
        watched = [port for stream in streams for port in (stream.valid, stream.ready, stream.payload)]
        for _ in range(CYCLES):
            for stream in streams:
                ctx.set(stream.ready, rng.random() >= stall)
            _, _, *sampled = await ctx.tick().sample(*watched)
            cycles += 1
            for name, place in zip(counts, range(0, len(sampled), 3), strict=True):
                if sampled[place] and sampled[place + 1]:
                    results[name].append(sampled[place + 2])
            if all(len(results[name]) >= count for name, count in counts.items()):
                return
        raise AssertionError(f"of {counts} came { {name: len(got) for name, got in results.items()} }")

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    watch_outputs(simulator, dut)
    for name, payloads in inputs.items():
        simulator.add_testbench(partial(send, port=getattr(dut, name), payloads=payloads))
    simulator.add_testbench(take)
    simulator.run()
    return results, cycles
