"""Loader: a good image reaches the memories; a damaged one ends in its error code.

Throughput: one 32-bit word per cycle, and one cycle more at each section.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from golden.machine.load import load_image
from golden.spec.config import Config
from golden.spec.errors import ErrorCode, MachineError
from golden.spec.memories import END_SECTION, Memory, memories, memory_shape, run_record
from golden.spec.program import MAGIC, Program, checksum
from hw.core.loader import Loader
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

    address = rng.randrange(config.feature_words)
    count = rng.randint(1, config.feature_words - address)
    ranges = {"input_address": address, "input_words": count}
    ranges |= {"result_address": config.feature_words - count, "result_words": count}
    return Program(
        config=config,
        input="",
        outputs=(),
        tensors=(),
        layers=(),
        run=run_record(config).pack(**ranges, cycle_limit=rng.getrandbits(32)),
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
        while sent < len(words) and (not ctx.get(dut.error) or ErrorCode(ctx.get(dut.error)).recovers):
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


def section(memory: int, *words: int, address: int = 0) -> list[int]:
    """A section of these memory words."""
    chunks = -(-memory_shape(CONFIG, memory).bits // 32)
    body = [word >> 32 * chunk & 0xFFFFFFFF for word in words for chunk in range(chunks)]
    return [memory | address << 8, len(words), *body]


def run_section(**changes: int) -> list[int]:
    """A run word that is right but for the changes."""
    right = {"input_address": 0, "input_words": 1, "result_address": 0, "result_words": 1}
    return section(Memory.RUN, run_record(CONFIG).pack(**right | {"cycle_limit": 9} | changes))


NEEDED = [*run_section(), *section(Memory.FRONT, 0), *section(Memory.BACK, 0)]
"""Sections without which no program is taken."""

FEATURES = CONFIG.feature_words
REFUSED = {
    "no sections": [],
    "no run word": [*section(Memory.FRONT, 0), *section(Memory.BACK, 0)],
    "no front word": [*run_section(), *section(Memory.BACK, 0)],
    "no back word": [*run_section(), *section(Memory.FRONT, 0)],
    "another instruction than the first": [
        *run_section(),
        *section(Memory.FRONT, 0),
        *section(Memory.BACK, 0, address=1),
    ],
    "no image": [*NEEDED, *run_section(input_words=0)],
    "no result": [*NEEDED, *run_section(result_words=0)],
    "an image larger than the memory": [*NEEDED, *run_section(input_words=FEATURES + 1)],
    "a result larger than the memory": [*NEEDED, *run_section(result_words=2 * FEATURES - 1)],
    "an image beyond the end": [*NEEDED, *run_section(input_address=FEATURES - 1, input_words=2)],
    "a result beyond the end": [*NEEDED, *run_section(result_address=5, result_words=FEATURES - 4)],
    "everything too large": [
        *NEEDED,
        *run_section(
            input_address=FEATURES - 1,
            input_words=2 * FEATURES - 1,
            result_address=FEATURES - 1,
            result_words=2 * FEATURES - 1,
        ),
    ],
}
TAKEN = {
    "least": NEEDED,
    "all of the memory": [*NEEDED, *run_section(input_words=FEATURES, result_words=FEATURES)],
    "the last word": [*NEEDED, *run_section(input_address=FEATURES - 1, result_address=FEATURES - 1)],
    "up to the end": [*NEEDED, *run_section(input_address=5, input_words=FEATURES - 5)],
    "the last of two run words": [*run_section(input_words=0), *NEEDED],
}


@pytest.mark.parametrize("name", [*REFUSED, *TAKEN])
def test_programs_that_cannot_run_are_refused(name: str) -> None:
    refused = name in REFUSED
    image = sealed(*(REFUSED | TAKEN)[name])
    code = ErrorCode.PROGRAM if refused else ErrorCode.NONE
    assert golden_code(image) == code
    # And whatever came before, the last image decides.
    assert golden_code([*sealed(*NEEDED), *image]) == code
    assert golden_code([*sealed(), *sealed(*NEEDED)]) == ErrorCode.NONE

    async def bench(ctx: Any, dut: Loader, reset: Callable[[], Any]) -> None:
        feeder = Feeder(ctx, dut)
        # What was in place before does not stand in for what is missing, and a refusal needs no reset.
        for attempt in (image, sealed(*NEEDED), image, image, sealed(*NEEDED)):
            expected = code if attempt is image else ErrorCode.NONE
            assert await feeder.feed(attempt[:1]) == ErrorCode.NONE
            assert not ctx.get(dut.loaded)
            assert await feeder.feed(attempt[1:]) == expected
            assert ctx.get(dut.loaded) == (expected == ErrorCode.NONE)

    run(bench)


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


def golden_code(image: list[int]) -> ErrorCode:
    """What golden says of an image."""
    try:
        load_image(image, CONFIG)
    except MachineError as error:
        return error.code
    return ErrorCode.NONE


@pytest.mark.parametrize("name", DAMAGED)
def test_each_kind_of_damage_has_its_code(name: str) -> None:
    image, code = DAMAGED[name]
    assert golden_code(image) == code
    assert not code.recovers

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
        image = sealed(*NEEDED, Memory.TERM | (DEPTH - 1) << 8, 1, 9)
        assert await feeder.feed(image) == ErrorCode.NONE
        assert feeder.written[-1] == (Memory.TERM, DEPTH - 1, 9)
        assert ctx.get(dut.loaded)

    run(bench)


def test_every_flipped_bit_is_an_error() -> None:
    program = random_program(7, CONFIG, 1)
    # One memory of each number of words per entry is enough.
    program = replace(program, filters=(), taps=(), coefficients=((), program.coefficients[1]))
    image = program.image()

    async def bench(ctx: Any, dut: Loader, reset: Callable[[], Any]) -> None:
        codes = set()
        for bit in range(32 * len(image)):
            damaged = list(image)
            damaged[bit // 32] ^= 1 << bit % 32
            await reset()
            # A damaged count may take the end of the image as contents; what follows ends it.
            tail = [0] * 2 * max(DEPTH, 256)
            code = await Feeder(ctx, dut).feed(damaged + tail)
            assert code == golden_code(damaged + tail) != ErrorCode.NONE, (
                f"bit {bit % 32} of word {bit // 32}"
            )
            assert not ctx.get(dut.loaded)
            codes.add(code)
        assert codes == {ErrorCode.MAGIC, ErrorCode.CONFIGURATION, ErrorCode.SECTION, ErrorCode.CHECKSUM}

    run(bench)
