"""The accelerator's streams: who goes first, what is offered too early, what waits for `ready`.

Throughput: one word of a program or an image per cycle, a word of a result every second cycle.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import numpy as np
import pytest

from golden.compiler import compile_network
from golden.machine.run import run_frames
from golden.machine.tensors import image_words
from golden.spec.config import TINY
from golden.spec.errors import ErrorCode
from golden.spec.memories import filter_record
from golden.spec.program import Program
from hw.core.accelerator import Accelerator
from tests.golden.networks import random_images
from tests.golden.small import chain
from tests.hw.bench import join, seeded, simulate, split
from tests.selection import first_or_long

LIMIT = 5000
"""Cycles that any step may take."""

Frame = list[tuple[int, int]]
"""(data, last) of each word."""


def network_and_programs() -> tuple[list[Program], list[Frame], list[list[list[list[int]]]]]:
    """Two programs of one shape, frames, and results[program][frame]: words of lanes."""
    network = chain((2, 3, 4), ("conv", 3, (3, 3), {"padding": 1}))
    program = compile_network(network, TINY)
    record = filter_record()
    fields = [record.unpack(word) for word in program.filters]
    others = tuple(record.pack(bias=one["bias"], shift=one["shift"] + 3) for one in fields)
    programs = [program, replace(program, filters=others)]
    frames = image_words(program, random_images(np.random.default_rng(5), network, 3))
    results = [run_frames(each, frames).tolist() for each in programs]
    assert results[0] != results[1]
    packed = [
        [(join(word, 8), int(place == len(one) - 1)) for place, word in enumerate(one.tolist())]
        for one in frames
    ]
    return programs, packed, results


PROGRAMS, FRAMES, RESULTS = network_and_programs()


@dataclass
class Host:
    """Offers words, takes results, and keeps what happened in order: "p" and "i" for the first words of a
    program and an image that were taken, "r" for the last word of a result.

    A word that was offered stays until it is taken; a result word must do so too.
    """

    ctx: Any
    dut: Accelerator
    rng: Random
    stall: float
    slow: float
    program: list[int] = field(default_factory=list)
    image: Frame = field(default_factory=list)
    results: list[list[list[int]]] = field(default_factory=list)
    events: str = ""
    first: dict[str, bool] = field(default_factory=lambda: {"i_program": True, "i_image": True})
    program_left: int = 0
    _offers: dict[str, bool] = field(default_factory=dict)
    _part: list[list[int]] = field(default_factory=list)
    _waiting: tuple[int, int] | None = None

    def _offer(self, name: str, there: bool, payload: Callable[[], Any]) -> None:
        port = getattr(self.dut, name)
        self._offers[name] = there and (self._offers.get(name, False) or self.rng.random() >= self.stall)
        self.ctx.set(port.valid, self._offers[name])
        if self._offers[name]:
            self.ctx.set(port.payload, payload())

    async def step(self) -> None:
        """One cycle."""
        dut, out = self.dut, self.dut.o_result
        self._offer("i_program", bool(self.program), lambda: self.program[0])
        self._offer(
            "i_image", bool(self.image), lambda: dict(zip(("data", "last"), self.image[0], strict=True))
        )
        ready = self.rng.random() >= self.slow
        self.ctx.set(out.ready, ready)
        _, _, program, image, valid, word = await self.ctx.tick().sample(
            dut.i_program.ready, dut.i_image.ready, out.valid, out.payload
        )
        if self._offers["i_program"] and program:
            self._offers["i_program"] = False
            self.events += "p" * (self.program_left == 0)
            self.program_left = (self.program_left or len(PROGRAMS[0].image())) - 1
            self.program.pop(0)
        if self._offers["i_image"] and image:
            self._offers["i_image"] = False
            self.events += "i" * self.first["i_image"]
            self.first["i_image"] = bool(self.image.pop(0)[1])
        offered = (word.data, word.last) if valid else None
        assert self._waiting in (None, offered), "a result word that was offered did not wait"
        self._waiting = None if ready else offered
        if offered and ready:
            self._part.append(split(word.data, 8, TINY.lanes))
            if word.last:
                self.results.append(self._part)
                self._part = []
                self.events += "r"

    async def until(self, condition: Callable[[], Any]) -> None:
        for _ in range(LIMIT):
            if condition():
                return
            await self.step()
        raise AssertionError(f"nothing for {LIMIT} cycles after {self.events}")


def run(
    stall: float, bench: Callable[[Any, Accelerator, Host], Awaitable[None]], offers_stall: bool = True
) -> None:
    """A bench whose streams pause with this probability in a cycle, or the result stream alone."""
    dut = Accelerator(TINY)
    rng = seeded(3)

    async def testbench(ctx: Any) -> None:
        host = Host(ctx, dut, rng, stall if offers_stall else 0.0, stall)
        await bench(ctx, dut, host)
        assert ctx.get(dut.error) == ErrorCode.NONE

    simulate(dut, testbench)


STALLS = first_or_long([0.6, 0.0])


@pytest.mark.parametrize("stall", STALLS)
def test_an_image_that_is_offered_before_its_program_waits(stall: float) -> None:
    async def bench(ctx: Any, dut: Accelerator, host: Host) -> None:
        host.image += FRAMES[0]
        for _ in range(20):
            await host.step()
        assert len(host.image) == len(FRAMES[0])
        host.program += PROGRAMS[0].image()
        await host.until(lambda: host.results)
        assert host.events == "pir"
        assert host.results == [RESULTS[0][0]]

    run(stall, bench)


@pytest.mark.parametrize(("words", "stall"), first_or_long([(1, 0.0), (len(FRAMES[0]), 0.0), (3, 0.6)], 2))
def test_a_program_in_mid_image_or_in_mid_run_waits_for_the_result(words: int, stall: float) -> None:
    async def bench(ctx: Any, dut: Accelerator, host: Host) -> None:
        host.program += PROGRAMS[0].image()
        await host.until(lambda: not host.program)
        host.image += FRAMES[0][:words]
        await host.until(lambda: not host.image)
        host.program += PROGRAMS[1].image()
        for _ in range(30):
            await host.step()
        host.image += FRAMES[0][words:] + FRAMES[1]
        await host.until(lambda: len(host.results) == 2)
        # The program that waited goes before the next image.
        assert host.events == "pirpir"
        assert host.results == [RESULTS[0][0], RESULTS[1][1]]

    run(stall, bench)


@pytest.mark.parametrize("stall", STALLS)
def test_with_both_streams_always_valid_none_starves(stall: float) -> None:
    async def bench(ctx: Any, dut: Accelerator, host: Host) -> None:
        for turn in range(3):
            host.program += PROGRAMS[turn % 2].image()
            host.image += FRAMES[turn]
        host.image += FRAMES[0] + FRAMES[1]
        await host.until(lambda: len(host.results) == 5)
        assert host.events == "pir" * 3 + "irir"
        turns = [(0, 0), (1, 1), (0, 2), (0, 0), (0, 1)]
        assert host.results == [RESULTS[program][frame] for program, frame in turns]

    run(stall, bench, offers_stall=False)


@pytest.mark.parametrize("stall", STALLS)
def test_wrong_frames_do_not_starve_a_program(stall: float) -> None:
    """Frames of one word, always valid: none ever begins a run."""

    async def bench(ctx: Any, dut: Accelerator, host: Host) -> None:
        host.program += PROGRAMS[0].image()
        host.image += [(1, 1)] * 400
        await host.until(lambda: len(host.image) < 395)
        assert ctx.get(dut.error) == ErrorCode.SHORT_IMAGE
        assert ctx.get(dut.loaded)
        host.program += PROGRAMS[1].image()
        await host.until(lambda: host.events.count("p") == 2)
        assert host.image
        await host.until(lambda: not host.program)
        del host.image[1:]
        host.image += FRAMES[2]
        await host.until(lambda: host.results)
        assert host.results == [RESULTS[1][2]]

    run(stall, bench)
