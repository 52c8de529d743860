"""Testbenches for single components in Amaranth's simulator."""

import random
from collections.abc import Awaitable, Callable, Iterable
from functools import reduce
from typing import Any

from amaranth.hdl import ClockDomain, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.sim import Simulator

from golden.spec.config import Config
from golden.spec.fields import Field
from golden.spec.learning import LFSR_WORD, Lfsr
from golden.spec.memories import memory_shape
from sim.drivers.handshake import watch_outputs

NANO = Config(
    name="nano",
    engines=1,
    lanes=4,
    accumulators=4,
    accumulator_bits=18,
    basis=2,
    window=8,
    feature_words=16,
    coefficient_words=64,
    tap_words=64,
    term_words=128,
    filter_words=64,
    instructions=8,
)
"""Sizes so small that random tests reach every place."""

Bench = Callable[[Any], Awaitable[None]]


def simulate(dut: wiring.Component, bench: Bench) -> None:
    """Runs a testbench to its end; clock and reset of domain `sync` are there if it has one.

    The bench must come to its end by itself: every wait in it has a limit. Payloads on output streams
    must stand until they are taken.
    """
    simulator = Simulator(dut)
    simulator.add_clock(1e-6, if_exists=True)
    watch_outputs(simulator, dut)
    simulator.add_testbench(bench)
    simulator.run()


def simulate_with_reset(dut: wiring.Component, bench: Callable[[Any, Callable[[], Any]], Any]) -> None:
    """As `simulate`; the bench gets a coroutine function that resets the component for a cycle."""
    top = Module()
    top.domains.sync = domain = ClockDomain()
    top.submodules.dut = dut

    async def testbench(ctx: Any) -> None:
        async def reset() -> None:
            ctx.set(domain.rst, 1)
            await ctx.tick()
            ctx.set(domain.rst, 0)

        await bench(ctx, reset)

    simulator = Simulator(top)
    simulator.add_clock(1e-6)
    watch_outputs(simulator, dut)
    simulator.add_testbench(testbench)
    simulator.run()


def seeded(seed: int) -> random.Random:
    """A generator whose seed shows in the output of a failing test."""
    print(f"seed {seed}")
    return random.Random(seed)


def pipeline(
    dut: wiring.Component,
    inputs: Iterable[dict[str, int]],
    latency: int,
    read: Callable[[Any], Any],
) -> list[Any]:
    """What a pipelined component shows `latency` clock edges after each of the inputs, one per cycle.

    Parameters
    ----------
    inputs: port (`member`) → packed value, for each cycle.
    read: gets the simulator's context, returns what to collect.
    """
    results: list[Any] = []
    vectors = list(inputs)

    async def bench(ctx: Any) -> None:
        for cycle in range(len(vectors) + latency - 1):
            if cycle < len(vectors):
                for name, value in vectors[cycle].items():
                    ctx.set(Value.cast(member(dut, name)), value)
            await ctx.tick()
            if cycle >= latency - 1:
                results.append(read(ctx))

    simulate(dut, bench)
    return results


def signed(value: int, bits: int) -> int:
    """The two's complement value of the low `bits` bits."""
    value &= (1 << bits) - 1
    return value - (value >> (bits - 1) << bits)


def join(values: Iterable[int], bits: int) -> int:
    """One word of values side by side, the first one low."""
    word = 0
    for place, value in enumerate(values):
        word |= (value & ((1 << bits) - 1)) << place * bits
    return word


def member(dut: Any, path: str) -> Any:
    """The port of a component at the end of a path of names with "__" between, as in Verilog."""
    return reduce(getattr, path.split("__"), dut)


def split(word: int, bits: int, count: int) -> list[int]:
    """The signed values side by side in a word; the inverse of `join`."""
    return [signed(word >> place * bits, bits) for place in range(count)]


def some(rng: random.Random, low: int, high: int) -> int:
    """A value in low…high: often near the ends or near zero."""
    if rng.random() < 0.3:
        return rng.choice([low, high, max(low, min(high, rng.choice([-1, 0, 1])))])
    return rng.randint(low, high)


def any_value(rng: random.Random, field: Field) -> int:
    """A value in range of a field."""
    return rng.randint(field.low, field.high)


async def load_words(ctx: Any, dut: Any, config: Config, memory: int, words: Iterable[int]) -> None:
    """Writes words from address 0 over a component's load bus, whose memory is told a cycle before."""
    ctx.set(dut.load.memory, memory)
    await ctx.tick()
    for address, word in enumerate(words):
        assert address < memory_shape(config, memory).depth
        ctx.set(dut.load.valid, 1)
        ctx.set(dut.load.address, address)
        ctx.set(dut.load.data, word)
        await ctx.tick()
    ctx.set(dut.load.valid, 0)


async def load_state(ctx: Any, load: Signal, word: Signal, state: Lfsr) -> None:
    """The state of a generator of random bits, part by part; its bits stand when this returns."""
    both, size = state.before | state.last << LFSR_WORD, len(word)
    ctx.set(load, 1)
    for part in range(2 * LFSR_WORD // size):
        ctx.set(word, both >> part * size & (1 << size) - 1)
        await ctx.tick()
    ctx.set(load, 0)
    await ctx.tick()
