"""Streams in and out of a component under test, with stalls on both sides."""

import random
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from amaranth.lib import wiring
from amaranth.sim import Simulator

from golden.lightnorm.blocks import Blocks
from golden.spec.block import BlockFormat, NormFormat
from hw.lightnorm.layouts import Op, unit_size

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
    for name, payloads in inputs.items():
        simulator.add_testbench(partial(send, port=getattr(dut, name), payloads=payloads))
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


def as_bits(flags: Iterable[Any]) -> int:
    """A number whose bits are the flags, the first one lowest."""
    return sum(int(bool(flag)) << place for place, flag in enumerate(flags))


def joint_beats(
    fmt: NormFormat, blocks: Blocks, channel: int, lanes: int, backward: int
) -> list[dict[str, Any]]:
    """A channel as beats of `hw.lightnorm.layouts.either`; unused exponents of a last beat are zero."""
    one = blocks.format
    each = unit_size(fmt, lanes)
    result = []
    for beat in beats(blocks, channel, lanes):
        repeat = lanes // len(beat["exponents"]) // each
        result.append(
            {
                "backward": backward,
                "magnitudes": [c & one.largest for c in beat["codes"]],
                "signs": as_bits(c > one.largest for c in beat["codes"]),
                "exponents": [e for e in beat["exponents"] for _ in range(repeat)],
                "mask": beat["mask"],
                "last": beat["last"],
            }
        )
    return result


def joint_seen(beat: Any) -> dict[str, Any]:
    """A beat that came out, in the form of `joint_beats`; what the mask leaves out is zero."""
    inside = [int(beat.mask) >> lane & 1 for lane in range(len(beat.magnitudes))]
    return {
        "backward": int(beat.backward),
        "magnitudes": [int(m) * some for m, some in zip(beat.magnitudes, inside, strict=True)],
        "signs": int(beat.signs) & int(beat.mask),
        "exponents": [int(e) for e in beat.exponents],
        "mask": int(beat.mask),
        "last": int(beat.last),
    }


def pass_beats(op: Op, x: Blocks, dy: Blocks, channel: int, lanes: int) -> list[dict[str, Any]]:
    """A channel as beats of `hw.lightnorm.layouts.pass_beat`."""
    result = []
    for a, b in zip(beats(x, channel, lanes), beats(dy, channel, lanes), strict=True):
        values = {
            name: {key: beat[key] for key in ("codes", "exponents")} for name, beat in (("x", a), ("dy", b))
        }
        result.append({"op": op, **values, "mask": a["mask"], "last": a["last"]})
    return result
