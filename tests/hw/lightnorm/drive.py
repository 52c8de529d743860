"""Streams in and out of a component under test, with stalls on both sides."""

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from amaranth.lib import wiring
from amaranth.sim import Simulator

from golden.lightnorm.blocks import Blocks
from golden.spec.block import BlockFormat

CYCLES = 20_000
"""Limit of every wait."""


def run_stream(
    dut: wiring.Component, inputs: Sequence[Any], count: int, rng: random.Random, stall: float
) -> tuple[list[Any], int]:
    """Sends `inputs` to dut.i, takes `count` payloads from dut.o: (payloads, cycles to the last one).

    stall: probability, each cycle, that either side does not take part.
    """
    results: list[Any] = []
    cycles = 0

    async def send(ctx: Any) -> None:
        for payload in inputs:
            while rng.random() < stall:
                await ctx.tick()
            ctx.set(dut.i.payload, payload)
            ctx.set(dut.i.valid, 1)
            for _ in range(CYCLES):
                _, _, taken = await ctx.tick().sample(dut.i.ready)
                if taken:
                    break
            else:
                raise AssertionError("the component takes no input any more")
            ctx.set(dut.i.valid, 0)

    async def take(ctx: Any) -> None:
        nonlocal cycles
        for _ in range(CYCLES):
            ctx.set(dut.o.ready, rng.random() >= stall)
            _, _, valid, ready, payload = await ctx.tick().sample(dut.o.valid, dut.o.ready, dut.o.payload)
            cycles += 1
            if valid and ready:
                results.append(payload)
            if len(results) == count:
                return
        raise AssertionError(f"{len(results)} of {count} outputs came")

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(send)
    simulator.add_testbench(take)
    simulator.run()
    return results, cycles


def split_beats(values: np.ndarray, lanes: int) -> list[list[int]]:
    """A row of values in beats; the last one is filled with zeros."""
    row = [int(v) for v in values]
    row += [0] * (-len(row) % lanes)
    return [row[i : i + lanes] for i in range(0, len(row), lanes)]


def masks(count: int, lanes: int) -> list[int]:
    """The lane masks of a row of `count` values."""
    return [(1 << min(lanes, count - start)) - 1 for start in range(0, count, lanes)]


def beats(blocks: Blocks, channel: int, lanes: int) -> list[dict[str, Any]]:
    """A channel as beats of `hw.lightnorm.layouts.beat`; groups of pixels."""
    fmt = blocks.format
    row = blocks.magnitudes[channel]
    codes = [code(fmt, int(v)) for v in row]
    stored = [int(e) - fmt.exponent_low for e in blocks.exponents[channel]]
    each = max(1, lanes // fmt.group)
    result = []
    for number, (values, mask) in enumerate(
        zip(split_beats(np.array(codes), lanes), masks(len(row), lanes), strict=True)
    ):
        first = number * lanes // fmt.group
        exponents = stored[first : first + each]
        result.append(
            {
                "codes": values,
                "exponents": exponents + [0] * (each - len(exponents)),
                "mask": mask,
                "last": int((number + 1) * lanes >= len(row)),
            }
        )
    return result


def code(fmt: BlockFormat, value: int) -> int:
    """Sign and magnitude."""
    return abs(value) | (value < 0) << fmt.magnitude_bits


def seen(beat: Any) -> dict[str, Any]:
    """A beat that came out, in the form of `beats`."""
    return {
        "codes": [int(c) for c in beat.codes],
        "exponents": [int(e) for e in beat.exponents],
        "mask": int(beat.mask),
        "last": int(beat.last),
    }
