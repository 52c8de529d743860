"""Accelerator with LightNorm: statistics as the results leave, the schedule of a host, raw results."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from flows.fuzz.weights import random_weights
from golden.compiler import compile_network
from golden.graph.network import Feature, Network
from golden.graph.reference import run_network
from golden.lightnorm import scalars, unit
from golden.lightnorm.blocks import Blocks, encode, encode_floats
from golden.machine.tensors import image_words
from golden.spec import block
from golden.spec.block import NormFormat, Spikes
from golden.spec.config import TINY
from golden.spec.program import Program
from hw.lightnorm.layouts import Op
from hw.tops.normed import NormedAccelerator, Results
from sim.drivers.handshake import watch_outputs
from sim.lightnorm.beats import beats, joint_beats, joint_seen, seen
from sim.lightnorm.numbers import as_number, constant, numbers
from tests.golden.layers import make_layer
from tests.golden.networks import random_images
from tests.hw.bench import join, seeded, split

FILTERS, HEIGHT, WIDTH = 4, 5, 7
GRID = -5
LIMIT = 20_000
"""Cycles that any step may take."""


def network(rng: np.random.Generator) -> Network:
    """One convolution of two channels, as a layer before its norm."""
    weights = random_weights(rng, "group2", (FILTERS, 2, 3, 3), 0.5, 2000)
    layer = make_layer(
        path="conv",
        input="image",
        output="x",
        filters=FILTERS,
        kernel=(3, 3),
        stride=1,
        padding=1,
        weights=weights,
        bias=rng.integers(-9999, 9999, FILTERS),
        shift=np.full(FILTERS, 10),
    )
    features = {
        "image": Feature("image", (2, HEIGHT, WIDTH), 1.0),
        "x": Feature("x", (FILTERS, HEIGHT, WIDTH), 1.0),
    }
    return Network(features, (layer,), "image", ("x",))


@dataclass
class Host:
    """Takes all that leaves, and sends what it is told to; `got` has it by stream."""

    dut: NormedAccelerator
    rng: Random
    stall: float
    got: dict[str, list[Any]] = field(default_factory=dict)

    async def send(self, ctx: Any, name: str, payloads: Sequence[Any]) -> None:
        port = getattr(self.dut, name)
        for payload in payloads:
            while self.rng.random() < self.stall:
                await ctx.tick()
            ctx.set(port.payload, payload)
            ctx.set(port.valid, 1)
            await self.wait(ctx, port.ready, name)
            ctx.set(port.valid, 0)

    async def wait(self, ctx: Any, condition: Any, what: str) -> None:
        for _ in range(LIMIT):
            _, _, met = await ctx.tick().sample(condition)
            if met:
                return
        raise AssertionError(
            f"{what}: nothing for {LIMIT} cycles; so far { {n: len(g) for n, g in self.got.items()} }"
        )

    async def until(self, ctx: Any, name: str, count: int) -> list[Any]:
        """The first `count` payloads of an output."""
        for _ in range(LIMIT):
            if len(self.got[name]) >= count:
                return self.got[name][:count]
            await ctx.tick()
        raise AssertionError(f"{name}: {len(self.got[name])} of {count} came")

    async def take(self, ctx: Any, name: str) -> None:
        port = getattr(self.dut, name)
        while True:
            ctx.set(port.ready, self.rng.random() >= self.stall)
            _, _, valid, ready, payload = await ctx.tick().sample(port.valid, port.ready, port.payload)
            if valid and ready:
                self.got[name].append(payload)

    def simulate(self, work: Sequence[Any]) -> None:
        """Runs coroutine functions side by side, to the end of all."""
        simulator = Simulator(self.dut)
        simulator.add_clock(1e-6)
        watch_outputs(simulator, self.dut)
        for one in work:
            simulator.add_testbench(one)
        for name in ("o_result", "o_blocks", "o_norm", "found", "places_out"):
            self.got[name] = []
            simulator.add_testbench(partial(self.take, name=name), background=True)
        simulator.run()


def as_pass(op: Op, x: Any = None, dy: Any = None) -> dict[str, Any]:
    """A beat of `seen` or `beats` as one of `pass_beat`."""
    parts = {
        name: {key: beat[key] for key in ("codes", "exponents")}
        for name, beat in (("x", x), ("dy", dy))
        if beat is not None
    }
    some = x or dy
    return {"op": op, **parts, "mask": some["mask"], "last": some["last"]}


@pytest.mark.parametrize(
    ("fmt", "spikes", "stall"),
    [
        (replace(block.light(), spike=0), Spikes.APART, 0.0),
        pytest.param(replace(block.light(32), spike=1), Spikes.CLIP, 0.3, marks=pytest.mark.long),
    ],
)
def test_a_training_step(fmt: NormFormat, spikes: Spikes, stall: float) -> None:
    seed = 11
    rng = seeded(seed)
    random = np.random.default_rng(seed)
    net = network(random)
    program: Program = compile_network(net, TINY)
    images = random_images(random, net, 2)
    right = run_network(net, images)["x"].astype(np.int64).reshape(2, FILTERS, -1)
    assert np.unique(right).size > 50, "results that tell something"
    values, lanes = HEIGHT * WIDTH, TINY.lanes
    words = -(-values // lanes)
    image = [
        [{"data": join(word, 8), "last": place == len(one) - 1} for place, word in enumerate(one.tolist())]
        for one in image_words(program, images)
    ]

    # What the model says of the second image.
    host_constants = block.constants(values)
    x, _ = encode(right[1], np.array(GRID), fmt.forward)
    gamma, beta = (
        scalars.from_floats(random.normal(size=FILTERS)),
        scalars.from_floats(random.normal(size=FILTERS)),
    )
    y, found, _ = unit.forward(x, gamma, beta, host_constants, fmt)
    dy, _ = encode_floats(random.normal(size=(FILTERS, values)), fmt.gradient)
    back = unit.backward(x, dy, found, gamma, host_constants, fmt, spikes)

    def all_beats(blocks: Blocks) -> list[dict[str, Any]]:
        return [beat for c in range(FILTERS) for beat in beats(blocks, c, lanes)]

    dut = NormedAccelerator(TINY, fmt, spikes, 10)
    host = Host(dut, rng, stall)
    each = [numbers(values) for values in (gamma, beta, found.mean, found.scale)]
    parameters = [
        dict(zip(("gamma", "beta", "mean", "scale"), row, strict=True)) for row in zip(*each, strict=True)
    ]

    waiting = []

    async def run(ctx: Any) -> None:
        for name, value in (
            ("channel_words", words),
            ("last_lanes", values - (words - 1) * lanes),
            ("grid", GRID),
            ("chunk_beats", host_constants.chunks.length // lanes),
            ("chunks", host_constants.chunks.count),
            ("inverse", constant(host_constants.inverse)),
            ("spread", constant(host_constants.spread)),
            ("epsilon", constant(host_constants.epsilon)),
        ):
            ctx.set(getattr(dut, name), value)
        await host.send(ctx, "i_program", program.image())
        for mode in (Results.RAW, Results.BLOCKS):
            ctx.set(dut.results, mode)
            await host.send(ctx, "i_image", image[0])
            await host.until(ctx, "o_result", FILTERS * words)
            await host.until(ctx, "o_blocks", FILTERS * words * (mode == Results.BLOCKS))
        assert not host.got["found"]
        host.got["o_blocks"].clear()
        ctx.set(dut.results, Results.NORM)
        await host.send(ctx, "i_image", image[1])
        # The schedule: a channel's APPLY when all of it has come; nothing else in between.
        for number in range(FILTERS):
            come = (await host.until(ctx, "o_blocks", (number + 1) * words))[number * words :]
            for one in come:
                waiting.append(len(host.got["o_blocks"]) - number * words)
                await host.send(ctx, "i_norm", [as_pass(Op.APPLY, x=seen(one.beat))])
        await host.until(ctx, "o_norm", FILTERS * words)
        # The backward pass, all by the host.
        pairs = list(zip(all_beats(x), all_beats(dy), strict=True))
        for number in range(FILTERS):
            part = pairs[number * words : (number + 1) * words]
            await host.send(ctx, "i_norm", [as_pass(Op.REDUCE, x=a, dy=b) for a, b in part])
            await host.send(ctx, "i_norm", [as_pass(Op.GRAD, dy=b) for _, b in part])
        await host.until(ctx, "o_norm", 2 * FILTERS * words)
        await host.until(ctx, "found", 2 * FILTERS)

    async def send_parameters(ctx: Any) -> None:
        await host.send(ctx, "parameters", 2 * parameters)

    async def send_places(ctx: Any) -> None:
        if spikes != Spikes.APART:
            count = FILTERS * host_constants.chunks.count
            for number in range(count):
                place = (await host.until(ctx, "places_out", number + 1))[number]
                await host.send(ctx, "places_in", [{"highest": place.highest, "lowest": place.lowest}])

    host.simulate([run, send_parameters, send_places])
    got = host.got
    raw = np.array([split(word.data, 8, lanes) for word in got["o_result"]]).reshape(FILTERS, -1)
    assert [word.last for word in got["o_result"]] == [0] * (FILTERS * words - 1) + [1]
    assert np.array_equal(raw[:, :values], right[0])
    assert [seen(one.beat) for one in got["o_blocks"]] == all_beats(x)
    results = [
        beat
        for blocks, backward in ((y, 0), (back.dx, 1))
        for c in range(FILTERS)
        for beat in joint_beats(fmt, blocks, c, lanes, backward)
    ]
    assert [joint_seen(one.beat) for one in got["o_norm"]] == results
    forward, backward = got["found"][:FILTERS], got["found"][FILTERS:]
    for key in ("mean", "scale", "spread"):
        assert [as_number(one[key]) for one in forward] == numbers(getattr(found, key))
    for key, exact in (("d_gamma", back.gradients.gamma), ("d_beta", back.gradients.beta)):
        assert [as_number(one[key]) for one in backward] == numbers(exact)
    places = zip(found.highest.reshape(-1), found.lowest.reshape(-1), strict=True)
    assert [(one.highest, one.lowest) for one in got["places_out"]] == list(places)
    # Two channels wait in the host's memory, and a beat of the third whose statistics wait.
    assert max(waiting) <= 2 * words + 1
