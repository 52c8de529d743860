"""Loader: a good image reaches the memories; a damaged one ends in its error code.

Throughput: one 32-bit word per cycle, and one cycle more at each section.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from golden.spec.config import Config
from golden.spec.errors import ErrorCode
from golden.spec.memories import Memory, memories, memory_shape
from golden.spec.program import END_SECTION, MAGIC, Program, checksum
from hw.loader import Loader
from tests.hw.bench import NANO, seeded, simulate_with_reset

CONFIG = replace(NANO, engines=2)
Written = list[tuple[int, int, int]]
"""(memory, address, word)"""


def random_program(seed: int, config: Config, most: int) -> Program:
    """A Program whose memories hold random words, up to `most` in each."""
    rng = seeded(seed)

    def words(memory: int) -> tuple[int, ...]:
        shape = memory_shape(config, memory)
        return tuple(rng.getrandbits(shape.bits) for _ in range(rng.randint(1, min(most, shape.depth))))

    return Program(
        config=config,
        input="",
        output="",
        tensors=(),
        layers=(),
        run=words(Memory.RUN)[0],
        front=words(Memory.FRONT),
        back=words(Memory.BACK),
        taps=words(Memory.TAP),
        terms=words(Memory.TERM),
        filters=words(Memory.FILTER),
        coefficients=tuple(words(Memory.COEFFICIENT + engine) for engine in range(config.engines)),
    )


def contents(program: Program) -> Written:
    return [
        (memory, address, word) for memory, words in program.contents() for address, word in enumerate(words)
    ]


class Feeder:
    """Streams images into a loader and watches its load bus."""

    def __init__(self, ctx: Any, dut: Loader) -> None:
        self.ctx, self.dut = ctx, dut
        self.written: Written = []
        self.cycles = 0

    async def feed(self, words: list[int], pause: Callable[[], bool] = lambda: False) -> ErrorCode:
        """Streams words until they are all taken or an error shows; then waits for the last write."""
        ctx, dut = self.ctx, self.dut
        self.cycles = 0
        sent = 0
        while sent < len(words) and not ctx.get(dut.error):
            valid = not pause()
            ctx.set(dut.i.valid, valid)
            ctx.set(dut.i.payload, words[sent] if valid else 0x55555555)
            sent += valid and ctx.get(dut.i.ready)
            await self._tick()
            assert self.cycles < 100_000
        ctx.set(dut.i.valid, 0)
        await self._tick()
        return ErrorCode(ctx.get(dut.error))

    async def _tick(self) -> None:
        ctx, load = self.ctx, self.dut.load
        await ctx.tick()
        self.cycles += 1
        if ctx.get(load.valid):
            memory = ctx.get(load.memory)
            bits = memory_shape(CONFIG, memory).bits
            # Memories take the low bits of the bus; what stands above them is left from before.
            self.written.append((memory, ctx.get(load.address), ctx.get(load.data) & ((1 << bits) - 1)))


def run(bench: Callable[[Any, Loader, Callable[[], Any]], Any]) -> None:
    dut = Loader(CONFIG)

    async def testbench(ctx: Any, reset: Callable[[], Any]) -> None:
        ctx.set(dut.enable, 1)
        await bench(ctx, dut, reset)

    simulate_with_reset(dut, testbench)


@pytest.mark.parametrize("stalls", [0.0, 0.6])
def test_good_images_one_after_the_other(stalls: float) -> None:
    rng = seeded(1)

    async def bench(ctx: Any, dut: Loader, reset: Callable[[], Any]) -> None:
        assert not ctx.get(dut.loaded)
        for seed in range(4):
            program = random_program(seed, CONFIG, 30)
            feeder = Feeder(ctx, dut)
            image = program.image()
            # The program before it is gone with the first word.
            assert await feeder.feed(image[:1]) == ErrorCode.NONE
            assert not ctx.get(dut.loaded)
            assert await feeder.feed(image[1:], lambda: rng.random() < stalls) == ErrorCode.NONE
            assert ctx.get(dut.loaded)
            assert feeder.written == contents(program)
            if not stalls:
                assert feeder.cycles == len(image) + len(list(program.contents())) + 1

    run(bench)


def test_memories_to_their_last_word() -> None:
    program = random_program(3, CONFIG, 1)
    full = {
        name: tuple(range(memory_shape(CONFIG, memory).depth))
        for name, memory in (("front", Memory.FRONT), ("taps", Memory.TAP), ("filters", Memory.FILTER))
    }
    program = replace(program, **full)  # type: ignore[arg-type]

    async def bench(ctx: Any, dut: Loader, reset: Callable[[], Any]) -> None:
        feeder = Feeder(ctx, dut)
        assert await feeder.feed(program.image()) == ErrorCode.NONE
        assert feeder.written == contents(program)

    run(bench)


def test_nothing_is_taken_while_a_run_is_under_way() -> None:
    async def bench(ctx: Any, dut: Loader, reset: Callable[[], Any]) -> None:
        ctx.set(dut.enable, 0)
        ctx.set(dut.i.valid, 1)
        ctx.set(dut.i.payload, MAGIC)
        for _ in range(5):
            assert not ctx.get(dut.i.ready)
            await ctx.tick()
        ctx.set(dut.enable, 1)
        assert ctx.get(dut.i.ready)

    run(bench)


def sealed(*words: int) -> list[int]:
    """An image of these words behind the right head, with END and a right checksum."""
    body = [MAGIC, CONFIG.digest, *words, END_SECTION]
    return [*body, checksum(body)]


DEPTH = memory_shape(CONFIG, Memory.TERM).depth
DAMAGED = {
    "another file": ([0x7F454C46, *sealed()[1:]], ErrorCode.MAGIC),
    "another version": ([MAGIC + 1, *sealed()[1:]], ErrorCode.MAGIC),
    "another configuration": ([MAGIC, NANO.digest, *sealed()[2:]], ErrorCode.CONFIGURATION),
    "an unknown memory": (sealed(6, 1, 0), ErrorCode.SECTION),
    "one engine too many": (sealed(max(memories(CONFIG)) + 1, 1, 0), ErrorCode.SECTION),
    "no words": (sealed(Memory.TERM, 0), ErrorCode.SECTION),
    "too many words": (sealed(Memory.TERM, DEPTH + 1, *range(DEPTH + 1)), ErrorCode.SECTION),
    "words beyond the end": (sealed(Memory.TERM | 1 << 8, DEPTH, *range(DEPTH)), ErrorCode.SECTION),
    "an address outside": (sealed(Memory.TERM | DEPTH << 8, 1, 0), ErrorCode.SECTION),
    "the highest address": (sealed(Memory.TERM | 0xFFFF << 8, 1, 0), ErrorCode.SECTION),
    "a huge count": (sealed(Memory.TERM, 0xFFFFFFFF, 0), ErrorCode.SECTION),
    "a count that wraps": (sealed(Memory.TERM, 1 << 17 | 1, 0), ErrorCode.SECTION),
    "a wrong checksum": ([*sealed(Memory.TERM, 1, 7)[:-1], 0], ErrorCode.CHECKSUM),
    "checksum of something else": ([*sealed(Memory.TERM, 1, 7)[:-1], sealed()[-1]], ErrorCode.CHECKSUM),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_each_kind_of_damage_has_its_code(name: str) -> None:
    image, code = DAMAGED[name]

    async def bench(ctx: Any, dut: Loader, reset: Callable[[], Any]) -> None:
        feeder = Feeder(ctx, dut)
        assert await feeder.feed(image) == code
        # The error stays, and nothing more is taken, good or bad, until reset.
        ctx.set(dut.i.valid, 1)
        for _ in range(5):
            assert not ctx.get(dut.i.ready)
            assert ctx.get(dut.error) == code
            assert not ctx.get(dut.loaded)
            await ctx.tick()
        ctx.set(dut.i.valid, 0)
        await reset()
        assert await feeder.feed(random_program(1, CONFIG, 3).image()) == ErrorCode.NONE
        assert ctx.get(dut.loaded)

    run(bench)


def test_the_last_address_is_legal() -> None:
    async def bench(ctx: Any, dut: Loader, reset: Callable[[], Any]) -> None:
        feeder = Feeder(ctx, dut)
        image = sealed(Memory.TERM | (DEPTH - 1) << 8, 1, 9)
        assert await feeder.feed(image) == ErrorCode.NONE
        assert feeder.written == [(Memory.TERM, DEPTH - 1, 9)]

    run(bench)


def test_every_flipped_bit_is_an_error() -> None:
    program = random_program(7, CONFIG, 1)
    # One memory of each number of words per entry is enough.
    program = replace(program, back=(), taps=(), coefficients=((), program.coefficients[1]))
    image = program.image()

    async def bench(ctx: Any, dut: Loader, reset: Callable[[], Any]) -> None:
        codes = set()
        for bit in range(32 * len(image)):
            damaged = list(image)
            damaged[bit // 32] ^= 1 << bit % 32
            await reset()
            # A damaged count may take the end of the image as contents; what follows ends it.
            code = await Feeder(ctx, dut).feed(damaged + [0] * 2 * max(DEPTH, 256))
            assert code != ErrorCode.NONE, f"bit {bit % 32} of word {bit // 32}"
            assert not ctx.get(dut.loaded)
            codes.add(code)
        assert codes == {ErrorCode.MAGIC, ErrorCode.CONFIGURATION, ErrorCode.SECTION, ErrorCode.CHECKSUM}

    run(bench)
