"""Layers for LightNorm: maps in a feature memory, what must become of them, and a bench that runs them."""

import random
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from golden.cycles.norm import NormTiming
from golden.learning import Layer as NetworkLayer
from golden.learning import Network, fresh_state
from golden.learning.norm import running
from golden.learning.rounding import fraction
from golden.learning.state import LayerState
from golden.lightnorm import scalars, tensors, unit
from golden.lightnorm.blocks import Blocks, encode_floats
from golden.lightnorm.channel import Statistics
from golden.spec import block, latency, maps
from golden.spec.config import Config
from golden.spec.learning import NORM_FORMAT
from hw.learning.norm_passes import NormPasses
from sim.lightnorm.numbers import as_number, constant, numbers
from tests.hw.bench import join
from tests.hw.learning.written import write_blocks

LIMIT = 60_000
"""Cycles of the longest run."""
NO_SCALAR = block.Scalar(0, 0)


@dataclass(frozen=True)
class Layer:
    """A run of `NormPasses`.

    Parameters
    ----------
    command: fields of `norm_record`.  memory: feature memory, words.
    parameters: gamma and beta of each channel, fields of a scalar each.  kept: its mean and scale, which
        are given backward, and forward if `given`; else those that must be kept.
    out: words that must stand in the place of the result.  found: what must come of each channel.
    counts: saturated, large.  noise: random bytes of a beat, in the order of their use.
    shifts: shift, addend_shift.
    """

    command: dict[str, int]
    memory: list[int]
    parameters: list[dict[str, dict[str, int]]]
    kept: list[dict[str, dict[str, int]]]
    out: list[int]
    found: list[dict[str, Any]]
    counts: tuple[int, int]
    noise: list[int]
    shifts: tuple[int, int]
    given: bool


def random_blocks(rng: np.random.Generator, channels: int, values: int) -> Blocks:
    """Channels of all sizes and means; constant ones, constant chunks, ties, outliers."""
    shape, column = (channels, values), (channels, 1)
    x = rng.normal(size=shape) * 2.0 ** rng.integers(-2, 2, column)
    x += rng.normal(size=column) * 2.0 ** rng.integers(-4, 4, column)
    x *= 2.0 ** rng.integers(-8, 9)
    for row in x:
        kind = rng.integers(12)
        if kind == 0:
            row[:] = row[0]
        elif kind == 1:
            row[: values // 2] = row[0]
        elif kind == 2:
            row[:] = np.round(row / abs(row).max() * 3) * 2.0 ** rng.integers(-8, 9)
        elif kind == 3:
            row[values // 2] = 30 * abs(row).max()
    return encode_floats(x, NORM_FORMAT.forward)[0]


def block_words(blocks: Blocks, lanes: int) -> list[int]:
    """The words of a map in blocks."""
    stored = blocks.exponents - NORM_FORMAT.forward.exponent_low
    groups = blocks.magnitudes.reshape(-1, maps.GROUP)
    bytes_ = [
        byte
        for values, exponent in zip(groups.tolist(), stored.reshape(-1).tolist(), strict=True)
        for byte in maps.pack_group(values, exponent)
    ]
    return byte_words(np.array(bytes_), lanes)


def byte_words(values: np.ndarray, lanes: int) -> list[int]:
    """The words of a map of int8."""
    return [join(row, 8) for row in values.reshape(-1, lanes).tolist()]


def random_bytes(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """int8, -127…127: channels of small values, of large ones, some of zeros."""
    size = rng.choice([0, 1, 5, 20, 20, 40, 40, 127], (shape[0], 1))
    return np.clip(np.round(rng.normal(size=shape) * size), -127, 127).astype(np.int64)


def fitting(largest: float) -> int:
    """The exponent with which a value becomes 64…127, or nearly."""
    return int(np.frexp(largest)[1]) - 7


def layer(
    seed: int,
    config: Config,
    channels: int,
    words: int,
    backward: bool,
    add: bool = False,
    relu: bool = False,
    given: bool = False,
    lone: bool = False,
    far: float = 1,
    runs: int = 1,
    gap: int = 0,
) -> Layer:
    """A layer with random maps; all that must come of it by `golden.lightnorm` and `golden.learning`.

    given: statistics are, anyhow near those of the values, means this times as large: `far`.
    lone: backward, no dx.  runs: in so many runs of words a channel lies, and `gap` words behind each.
    """
    rng = np.random.default_rng(seed)
    values = words * config.lanes
    shape = channels, values
    host = block.constants(values)
    x = random_blocks(rng, channels, values)
    other = random_bytes(rng, shape)
    gammas, betas = (scalars.from_floats(rng.integers(-3000, 3000, channels) / 1024.0) for _ in range(2))
    exact_x = torch.from_numpy(x.floats()).to(tensors.work_type(NORM_FORMAT))
    found = tensors.stat(exact_x, host, NORM_FORMAT)
    if given:
        found = running(exact_x, _near(found, rng, far))
    noise = rng.integers(0, 256, shape)
    added = 0
    if backward:
        dy = torch.from_numpy(other).to(torch.float64)
        sums = tensors.reduce(exact_x, dy, found, gammas, host, NORM_FORMAT)
        if given:
            nothing = scalars.from_floats(np.zeros(channels))
            sums = replace(sums, mean=nothing, spike=nothing)
        dx = tensors.grad_exact(dy, sums, NORM_FORMAT)
        # The results of one channel, or its spike, fill their bytes.
        largest = np.stack([dx.abs().amax(1).numpy(), abs(sums.spike.floats())])
        exponent = fitting(float(rng.choice(largest[largest > 0])) if largest.any() else 1.0)
        high, low = (np.zeros(shape, int),) * 2 if given else unit.spike_masks(found, values)
        spikes = fraction(torch.from_numpy(sums.spike.floats()), -exponent)[:, None]
        total = fraction(dx, -exponent) + torch.from_numpy(low.astype(int) - high) * spikes
        whole = ((total + torch.from_numpy(noise)) / 256).floor()
        pairs = zip(numbers(sums.beta), numbers(sums.gamma), strict=True)
    else:
        y = tensors.apply_exact(exact_x, found, gammas, betas, NORM_FORMAT)
        exponent = fitting(float(rng.choice(y.abs().amax(1).numpy())))
        total = fraction(y, -exponent)
        if add:
            added = exponent + int(rng.integers(-3, 3))
            total += fraction(torch.from_numpy(other).to(torch.float32), added - exponent)
        if relu:
            total = total.clamp_min(0)
        whole = (total / 256).round()
        pairs = zip(numbers(found.mean), numbers(found.spread), strict=True)
    run = words // runs
    size = channels * runs * (run + gap)
    x_address, other_address, out_address = (int(it) * size + 1 for it in rng.permutation(3))
    memory = [int(it) for it in rng.integers(0, 1 << 32, config.feature_words)]
    for place, (mine, others) in enumerate(
        zip(block_words(x, config.lanes), byte_words(other, config.lanes), strict=True)
    ):
        memory[x_address + place + place // run * gap] = mine
        memory[other_address + place + place // run * gap] = others
    assert 3 * size < len(memory) == config.feature_words
    fields = {
        f"{name}_{field}": value
        for name in ("inverse", "spread")
        for field, value in constant(NO_SCALAR if given else getattr(host, name)).items()
        if field != "sign"
    }
    place = int(rng.integers(0, config.filter_words - channels))
    parameters = [
        {"gamma": gamma, "beta": beta} for gamma, beta in zip(numbers(gammas), numbers(betas), strict=True)
    ]
    return Layer(
        command={
            "backward": int(backward),
            "channels": channels,
            "words": run,
            "runs": runs,
            "run_step": gap + 1,
            "x_address": x_address,
            "other_address": other_address,
            "out_address": out_address,
            "add": int(add),
            "relu": int(relu),
            "lone": int(lone),
            "parameter_address": place,
            "chunk_beats": host.chunks.length // config.basis,
            "chunks": host.chunks.count,
            **fields,
        },
        memory=memory,
        parameters=parameters,
        kept=[
            {"mean": mean, "scale": scale}
            for mean, scale in zip(numbers(found.mean), numbers(found.scale), strict=True)
        ],
        out=[] if lone else byte_words(whole.clamp(-127, 127).to(torch.int64).numpy(), config.lanes),
        found=[{"first": a, "second": b} for a, b in pairs if backward or not given],
        counts=(0, 0) if lone else (int((whole.abs() > 127).sum()), int((whole.abs() > 63).sum())),
        noise=byte_words(noise, config.basis) if backward and not lone else [],
        given=given,
        shifts=(8 - exponent, 8 + added - exponent),
    )


def _near(found: Statistics, rng: np.random.Generator, far: float) -> LayerState:
    """A state whose running statistics are those of a batch, far from them, or nothing."""
    count = len(found.flat)
    means = found.mean.floats() * far * rng.choice([1, 1, 1.1, -3, -9.7, 17.3, 0, 2.0**-60, 2.0**40], count)
    spreads = found.spread.floats() * rng.choice([1, 1, 0.9, 0.01, 100, 0], count)
    means[rng.integers(4, size=count) == 0] += 1.37 * 2.0 ** rng.integers(-20, 16)
    layer = fresh_state(Network((1, 4, 4), (NetworkLayer("one", 0, count),)), 1).layers[0]
    return replace(layer, mean=scalars.from_floats(means), spread=scalars.from_floats(spreads))


class Bench:
    """`NormPasses` with a feature memory, a memory of parameters and random bytes.

    stall, late: how often an access is not granted, and what is found is not taken.
    refused, left, asked: cycles of the last run in which nothing was granted, in which what was found left,
    and in which an access was asked for.
    """

    def __init__(
        self, dut: NormPasses, config: Config, rng: random.Random, stall: float, late: float
    ) -> None:
        self._dut, self._config, self._rng, self._stall, self._late = dut, config, rng, stall, late
        self.refused: list[int] = []
        self.left: list[int] = []
        self.asked: list[int] = []

    def timing(self, cycles: int) -> NormTiming:
        """Of the last run."""
        return NormTiming(cycles, tuple(self.left), tuple(self.asked))

    def _places(self, it: Layer, name: str, channels: int) -> list[int]:
        """Addresses of a map's words, in order."""
        run, step = it.command["words"], it.command["run_step"]
        runs = range(channels * it.command["runs"])
        return [it.command[name] + number * (run - 1 + step) + word for number in runs for word in range(run)]

    async def run(self, ctx: Any, it: Layer) -> int:
        """Runs a layer and compares all that comes of it; returns the cycles from `start` to `done`."""
        dut, rng = self._dut, self._rng
        memory, noise, found, kept = [*it.memory], [*it.noise], [], []
        features, port = dut.features, dut.found
        known: dict[str, Any] = {}

        def put(name: str, port: Any, value: Any) -> None:
            """Sets a port to another value than it has: each time costs the simulator as much as a cycle."""
            if known.get(name) != value:
                known[name] = value
                ctx.set(port, value)

        ports = (features.valid, features.write, features.address, features.data, dut.parameters.take)
        kept_ports = dut.parameters.keep, dut.parameters.found
        backward = bool(it.command["backward"])
        known_before = backward or it.given
        if not backward:
            count, runs = it.command["channels"], it.command["runs"]
            words = [it.memory[place] for place in self._places(it, "x_address", count)]
            size = runs * it.command["words"]
            rows = [words[row * size :][:size] for row in range(count)]
            window_alone = {"chunk_beats": 0, "chunks": 0} if it.given else {}
            await write_blocks(ctx, dut.written, self._config, rng, it.command | window_alone, rows)
        parameters, channels = [*it.parameters], [*it.kept]
        ctx.set(dut.command, it.command)
        ctx.set(dut.shift, it.shifts[0])
        ctx.set(dut.addend_shift, it.shifts[1])
        ctx.set(dut.start, 1)
        cycles = 0
        self.refused, self.left, self.asked = [], [], []
        while True:
            grant, ready = (rng.random() >= rate for rate in (self._stall, self._late))
            if not grant:
                self.refused.append(cycles)
            put("grant", features.grant, grant)
            put("ready", port.ready, ready)
            put("random", dut.random, noise[0] if noise else 0)
            (
                _,
                _,
                valid,
                write,
                address,
                data,
                taken,
                draw,
                done,
                offered,
                payload,
                keeps,
                kept_found,
            ) = await ctx.tick().sample(*ports, dut.draw, dut.done, port.valid, port.payload, *kept_ports)
            put("start", dut.start, 0)
            if valid:
                self.asked.append(cycles)
            granted = valid and grant
            if granted and write:
                memory[address] = data
            elif granted:
                put("read", features.read, memory[address])
            else:
                # What was not asked for is anything.
                put("read", features.read, rng.choice(memory))
            if taken:
                parameters.pop(0)
                channels.pop(0)
                assert keeps != known_before
                if keeps:
                    kept.append({name: as_number(kept_found[name]) for name in ("mean", "scale")})
            here = cycles + 1 >= latency.PARAMETERS
            put("parameters", dut.parameters.there, int(here and bool(parameters)))
            if parameters:
                for name, number in parameters[0].items():
                    put(name, getattr(dut.parameters, name), number)
                # Forward nothing is known of the channel, as a rule.
                put("kept", dut.parameters.kept, channels[0] if known_before else it.kept[0])
            if draw:
                noise.pop(0)
            if offered and ready:
                self.left.append(cycles)
                found.append({name: as_number(payload[name]) for name in ("first", "second")})
            if done:
                break
            cycles += 1
            assert cycles < LIMIT
        right = [*it.memory]
        if it.out:
            places = self._places(it, "out_address", it.command["channels"])
            for place, word in zip(places, it.out, strict=True):
                right[place] = word
        assert memory == right
        assert found == it.found
        assert kept == ([] if known_before else it.kept)
        assert not noise
        assert not parameters
        assert (ctx.get(dut.saturated), ctx.get(dut.large)) == it.counts
        return cycles
