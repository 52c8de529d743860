"""Ports of a small accelerator in a simulation, cycle by cycle, and their drawing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from amaranth.hdl import ClockDomain, Module
from amaranth.sim import Simulator

from flows.site.layers import picture
from golden.compiler import compile_network
from golden.graph.network import Feature, Layer, Network
from golden.graph.operations.convolution import Convolution
from golden.graph.operations.requantise import Requantise
from golden.graph.operations.weights import Factored
from golden.graph.operations.window import Window
from golden.machine.tensors import image_words
from golden.spec.config import TINY
from golden.spec.errors import ErrorCode
from golden.spec.memories import Fold
from golden.spec.program import Program
from hw.core.accelerator import Accelerator
from sim.drivers.ports import RESET_CYCLES, SimulationError

PERIOD = 1e-9
LIMIT = 2000
"""Cycles after which a simulation has failed."""

STEP, LANE, LEFT, BITS = 24, 26, 166, 14
"""Units of a cycle across, of a line down, for the names, and of a signal's height."""


@dataclass(frozen=True)
class Waves:
    """Samples of each port before each clock edge, and where the parts of the story begin.

    Parameters
    ----------
    ports: name → value in each cycle.  marks: name → cycle.
    """

    ports: Mapping[str, Sequence[int]]
    marks: Mapping[str, int]


def small_program() -> Program:
    """One layer that doubles an image of 1×2×8 pixels, for TINY: four words in, four words out."""
    one = np.ones((1, 1, 1, 1, 1), np.int64)
    zero = np.zeros(1, np.int64)
    product = Convolution(
        1, Window((1, 1), (1, 1), (0,) * 4), Factored(Fold.GROUP, one, one > 0, 2 * one[0, 0]), 1
    )
    features = {name: Feature(name, (1, 2, 8), 1.0) for name in ("image", "doubled")}
    layer = Layer("double", "image", "doubled", product, (Requantise(zero, zero),))
    return compile_network(Network(features, (layer,), "image", ("doubled",)), TINY)


def simulate() -> Waves:
    """Loads a program; an image and its result, taken with a pause; half an image, then a whole one."""
    program = small_program()
    words = program.image()
    image = [
        int.from_bytes(word.tobytes(), "little")
        for word in image_words(program, np.arange(16, dtype=np.int8).reshape(1, 1, 2, 8))[0]
    ]
    top = Module()
    top.domains.sync = domain = ClockDomain()
    top.submodules.accelerator = dut = Accelerator(TINY)
    simulator = Simulator(top)
    simulator.add_clock(PERIOD)
    watched = {
        "rst": domain.rst,
        "i_program.valid": dut.i_program.valid,
        "i_program.ready": dut.i_program.ready,
        "loaded": dut.loaded,
        "i_image.valid": dut.i_image.valid,
        "i_image.ready": dut.i_image.ready,
        "i_image.payload.last": dut.i_image.payload.last,
        "busy": dut.busy,
        "cycles": dut.cycles,
        "o_result.valid": dut.o_result.valid,
        "o_result.ready": dut.o_result.ready,
        "o_result.payload.last": dut.o_result.payload.last,
        "error": dut.error,
    }
    ports: dict[str, list[int]] = {name: [] for name in watched}
    marks: dict[str, int] = {}

    async def bench(ctx: Any) -> None:
        async def tick() -> dict[str, int]:
            if len(ports["rst"]) > LIMIT:
                raise SimulationError(f"waves: no end after {LIMIT} cycles")
            _, _, *values = await ctx.tick().sample(*watched.values())
            for name, value in zip(watched, values, strict=True):
                ports[name].append(int(value))
            return {name: ports[name][-1] for name in ports}

        async def send(port: Any, payloads: Sequence[Any], name: str) -> None:
            for payload in payloads:
                ctx.set(port.valid, 1)
                ctx.set(port.payload, payload)
                while not (await tick())[f"{name}.ready"]:
                    pass
            ctx.set(port.valid, 0)

        async def frame(part: Sequence[int]) -> None:
            await send(dut.i_image, [{"data": it, "last": it is part[-1]} for it in part], "i_image")

        async def result(pause: int) -> None:
            for number in range(len(image)):
                if number == 1:
                    ctx.set(dut.o_result.ready, 0)
                    for _ in range(pause):
                        await tick()
                ctx.set(dut.o_result.ready, 1)
                while not (await tick())["o_result.valid"]:
                    pass

        ctx.set(domain.rst, 1)
        for _ in range(RESET_CYCLES):
            await tick()
        ctx.set(domain.rst, 0)
        ctx.set(dut.o_result.ready, 1)
        await send(dut.i_program, words, "i_program")
        marks["program"] = len(ports["rst"])
        while not (await tick())["loaded"]:
            pass
        marks["image"] = len(ports["rst"])
        await frame(image)
        await result(2)
        for _ in range(3):
            await tick()
        marks["short"] = len(ports["rst"])
        await frame(image[:2])
        for _ in range(4):
            await tick()
        await frame(image)
        await result(0)
        marks["end"] = len(ports["rst"])

    simulator.add_testbench(bench)
    simulator.run()
    return Waves(ports, marks)


def drawing(title: str, waves: Waves, names: Sequence[str], start: int, end: int) -> str:
    """The named ports from cycle `start` to before `end`; numbers on top count from `start`."""
    wide = LEFT + (end - start) * STEP + 20
    parts = [f'<text x="{LEFT - 8}" y="22" font-size="10" fill="#777" text-anchor="end">clock cycle</text>']
    for cycle in range(0, end - start, 5):
        x = LEFT + cycle * STEP
        parts.append(f'<line x1="{x}" x2="{x}" y1="26" y2="{30 + LANE * len(names)}" stroke="#ddd"/>')
        parts.append(f'<text x="{x + 2}" y="22" font-size="10" fill="#777">{cycle}</text>')
    for number, name in enumerate(names):
        y = 34 + LANE * number
        values = waves.ports[name][start:end]
        parts.append(f'<text x="{LEFT - 8}" y="{y + 12}" text-anchor="end">{escape(name)}</text>')
        stream, _, rest = name.partition(".")
        if rest in ("", "valid", "ready") and max(waves.ports[name]) > 1:
            parts += _bus(name, values, y)
        else:
            valid = waves.ports[f"{stream}.valid"][start:end] if rest.startswith("payload") else values
            meant = [True] * len(values) if valid is values else [bool(it) for it in valid]
            parts += _bit(values, meant, y)
    return picture(title, wide, 40 + LANE * len(names), parts)


def _bit(values: Sequence[int], meant: Sequence[bool], y: int) -> list[str]:
    """A line that is high or low; grey in the middle where nobody may look at it."""
    parts, corners = [], [""]
    for cycle, value in enumerate(values):
        left, right = LEFT + cycle * STEP, LEFT + (cycle + 1) * STEP
        if meant[cycle]:
            level = y if value else y + BITS
            corners[-1] += f"{left},{level} {right},{level} "
        else:
            corners.append("")
            middle = y + BITS / 2
            parts.append(f'<path d="M{left},{middle} H{right}" stroke="#bbb" stroke-dasharray="3 2"/>')
    lines = [it.strip() for it in corners if it]
    return parts + [
        f'<polyline points="{it}" fill="none" stroke="#4c78a8" stroke-width="1.6"/>' for it in lines
    ]


def _bus(name: str, values: Sequence[int], y: int) -> list[str]:
    """A box for each value; names for errors, a number only where there is room."""
    parts, begin = [], 0
    for cycle in range(1, len(values) + 1):
        if cycle < len(values) and values[cycle] == values[begin]:
            continue
        said = ErrorCode(values[begin]).name if name == "error" else str(values[begin])
        x, wide = LEFT + begin * STEP, (cycle - begin) * STEP
        parts.append(
            f'<rect x="{x}" y="{y}" width="{wide}" height="{BITS}" fill="#fdf3e4" stroke="#c77a15"/>'
        )
        if 6.4 * len(said) < wide - 2:
            parts.append(
                f'<text x="{x + wide / 2}" y="{y + 11}" text-anchor="middle" font-size="10">{said}</text>'
            )
        begin = cycle
    return parts
