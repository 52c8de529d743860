"""Affine, AffineCoefficients: a channel's line, modulo the result's bits, against rational arithmetic."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from amaranth.sim import Simulator

from golden.spec import block
from golden.spec.block import Spikes
from hw.lightnorm.affine import Affine
from hw.lightnorm.affine_coefficients import AffineCoefficients
from hw.lightnorm.layouts import result_bits, unit_size
from tests.hw.bench import seeded
from tests.hw.lightnorm.drive import run_streams

LIGHT = replace(block.light(), spike=1)
CASES = {
    "light": (LIGHT, 8, Spikes.APART, 0.0),
    "stalled": (LIGHT, 8, Spikes.APART, 0.4),
    "clip": (LIGHT, 4, Spikes.CLIP, 0.0),
    "mixed": (replace(block.wide(), gradient=block.light(2).gradient), 4, Spikes.BLOCK, 0.3),
}
BEATS = 60


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("backward", [0, 1])
def test_affine(name: str, backward: int) -> None:
    rng = seeded(backward)
    fmt, lanes, spikes, stall = CASES[name]
    one = fmt.gradient if backward else fmt.forward
    bits, each = result_bits(fmt), unit_size(fmt, lanes)
    line = {
        # Values lie far below the window, in it and above it.
        "above": -(one.span // 2),
        "grid": rng.randint(-20, 20),
        "scale": rng.getrandbits(fmt.scale),
        "negative": rng.randrange(2),
        "base": rng.getrandbits(bits),
        "pull": rng.getrandbits(bits) if spikes != Spikes.APART else 0,
    }
    inputs: list[dict[str, Any]] = []
    for number in range(BEATS):
        beat = {
            "backward": backward,
            "magnitudes": [rng.getrandbits(one.magnitude_bits) for _ in range(lanes)],
            "signs": rng.getrandbits(lanes),
            "exponents": [rng.randint(0, one.exponent_high - one.exponent_low) for _ in range(lanes // each)],
            "mask": rng.getrandbits(lanes),
            "last": int(number == BEATS - 1),
        }
        marks = {key: rng.getrandbits(lanes) if spikes != Spikes.APART else 0 for key in ("high", "low")}
        inputs.append({"beat": beat, **marks})
    dut = Affine(fmt, lanes, spikes)
    outputs, cycles = run_streams(dut, {"i": inputs}, {"o": BEATS}, rng, stall, {"line": line})
    factor = -line["scale"] if line["negative"] else line["scale"]
    for given, result in zip(inputs, outputs["o"], strict=True):
        beat = given["beat"]
        assert (int(result.mask), int(result.last)) == (beat["mask"], beat["last"])
        assert (int(result.backward), int(result.grid)) == (backward, line["grid"])
        for lane in range(lanes):
            exponent = beat["exponents"][lane // each] + line["above"]
            size = round(beat["magnitudes"][lane] * Fraction(2) ** exponent)
            value = -size if beat["signs"] >> lane & 1 else size
            pulls = (given["low"] >> lane & 1) - (given["high"] >> lane & 1)
            right = factor * value + line["base"] + pulls * line["pull"]
            assert (int(result.words[lane]) - right) % (1 << bits) == 0
        marked = given["high"] | given["low"]
        assert int(result.quiet) == (marked if spikes == Spikes.CLIP else 0)
    if not stall:
        assert cycles == BEATS + 2


@pytest.mark.parametrize("name", ["light", "mixed"])
def test_lines(name: str) -> None:
    rng = seeded(1)
    fmt = CASES[name][0]
    bits = result_bits(fmt)
    dut = AffineCoefficients(fmt)
    limits = (1 << fmt.scale) - 1
    scales = [0, 1, -1, limits, -limits, *(rng.randint(-limits, limits) for _ in range(5))]

    async def bench(ctx: Any) -> None:
        for number, scale in enumerate(scales):
            backward = number % 2
            addend = rng.randrange(-(1 << bits - 2), 1 << bits - 2)
            mean = rng.randrange(-(1 << bits - 1), 1 << bits - 1)
            words = {
                "window_grid": number - 5,
                "mean": mean,
                "scale": scale,
                "addend": addend,
                "grid": -number,
            }
            ctx.set(dut.i.payload, {"backward": backward, "words": words})
            ctx.set(dut.i.valid, 1)
            # A line stays while beats are inside that need it.
            ctx.set(dut.busy, 1)
            await ctx.tick()
            assert not ctx.get(dut.i.ready)
            assert not ctx.get(dut.valid)
            ctx.set(dut.busy, 0)
            assert ctx.get(dut.i.ready)
            await ctx.tick()
            ctx.set(dut.i.valid, 0)
            waited = 1
            while not ctx.get(dut.valid):
                await ctx.tick()
                waited += 1
            assert waited == fmt.scale + 1
            seen = ctx.get(dut.o)
            base = (0 if backward else addend) - mean * scale
            assert (int(seen.base) - base) % (1 << bits) == 0
            assert (int(seen.pull) - (addend if backward else 0)) % (1 << bits) == 0
            assert (-seen.scale if seen.negative else seen.scale) == scale
            grid = (fmt.gradient if backward else fmt.forward).grid
            assert (int(seen.above), int(seen.grid)) == (grid - (number - 5), -number)
            assert ctx.get(dut.backward) == backward
            ctx.set(dut.done, 1)
            await ctx.tick()
            ctx.set(dut.done, 0)
            assert not ctx.get(dut.valid)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
