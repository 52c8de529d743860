"""MapWriter: sums of words in any order, with pauses, as blocks and as errors of the map below."""

from dataclasses import dataclass, replace
from random import Random
from typing import Any

import numpy as np
import pytest
import torch

from golden.learning.random import map_bytes
from golden.lightnorm.blocks import encode_floats
from golden.numerics.lfsr import RandomWords
from golden.spec import latency, maps
from golden.spec.config import Config
from golden.spec.learning import NORM_FORMAT, ArrayShape, Lfsr
from golden.spec.learning import seeded as lfsr_of
from hw.learning.map_writer import MapWriter
from hw.writeback.terms import token_layout
from tests.hw.bench import NANO, join, load_state, seeded, simulate, some
from tests.hw.learning.layers import block_words, byte_words
from tests.hw.learning.rounded import Rounded
from tests.selection import first_or_long

WORDS = 20
START = lfsr_of(11)
OUTPUT, ADDEND, MASK = 3, 30, 59
"""Addresses of the first word that is written, that is added, that masks."""


def sizes(lanes: int) -> Config:
    return replace(NANO, lanes=lanes, basis=4, accumulator_bits=22, feature_words=64, learning=True)


@dataclass(frozen=True)
class Seen:
    """What a run showed: cycle, address and word of each write; the cycle of each word's last token; cycles
    in which a turn was done, and in which its last token was given; slice, channel, initial, final and bytes
    of what was given for statistics."""

    writes: list[tuple[int, int, int]]
    given: list[int]
    done: list[int]
    ends: list[int]
    blocks: list[tuple[int, int, int, int, int]]


async def run(
    ctx: Any,
    dut: MapWriter,
    config: Config,
    rng: Random,
    sums: np.ndarray,
    order: list[int],
    memory: list[int],
    spacing: int,
    pause: float,
) -> Seen:
    """Words of sums, to the addresses OUTPUT + order; a turn ends with every third."""
    slices, bits = config.lanes // config.basis, config.accumulator_bits
    steps = [(number, part) for number in range(len(sums)) for part in range(slices)]
    seen = Seen([], [], [], [], [])
    cycle, free, coming = 0, 0, None
    while steps or cycle < free + latency.ERRORS + latency.WRITE_WAIT + 4:
        token: dict[str, int] = {}
        # What goes with no token is anything.
        word = rng.getrandbits(config.lanes * bits)
        if coming is not None:
            word = join(sums[coming].tolist(), bits)
        coming = None
        if steps and cycle >= free and (steps[0][1] or rng.random() >= pause):
            coming, part = steps.pop(0)
            ends = part == slices - 1
            token = {
                "valid": 1,
                "first": 1,
                "last": 1,
                "slice": part,
                "address": OUTPUT + order[coming],
                "turn_end": int(ends and coming % 3 == 2),
                "pool_index": coming % 3,
                "pool_first": int(coming < 3 and part == 0),
                "pool_last": int(coming >= 12 and ends),
            }
            free = cycle + spacing
            if ends:
                seen.given.append(cycle)
            if token["turn_end"]:
                seen.ends.append(cycle)
        ctx.set(dut.i.token, token_layout(config).const(token))
        ctx.set(dut.i.sums, word)
        await ctx.delay(1e-8)
        port = dut.port
        valid, write, address = ctx.get(port.valid), ctx.get(port.write), ctx.get(port.address)
        if valid and write:
            seen.writes.append((cycle, address, ctx.get(port.data)))
        if ctx.get(dut.turn_done):
            seen.done.append(cycle)
        it = dut.blocks
        if ctx.get(it.valid):
            row = (ctx.get(port) for port in (it.slice, it.channel, it.initial, it.final, it.bytes))
            seen.blocks.append(tuple(row))
        await ctx.tick()
        ctx.set(port.read, memory[address] if valid and not write else rng.getrandbits(8 * config.lanes))
        cycle += 1
    return seen


def check(seen: Seen, order: list[int], words: list[int], after: int) -> None:
    """Each word once, in the order of its tokens, at most two cycles late; turns are done behind it."""
    assert [(address, word) for _, address, word in seen.writes] == [
        (OUTPUT + place, word) for place, word in zip(order, words, strict=True)
    ]
    late = [cycle - given - after for (cycle, _, _), given in zip(seen.writes, seen.given, strict=True)]
    assert set(late) <= {1, 2, 3}
    assert seen.done == [end + after + latency.WRITE_WAIT for end in seen.ends]
    for done, end in zip(seen.done, seen.ends, strict=True):
        assert seen.writes[seen.given.index(end)][0] <= done


def some_sums(rng: Random, config: Config) -> np.ndarray:
    """Words of small sums, of large ones, of zeros."""
    limit = 1 << config.accumulator_bits - 1
    sizes_ = [rng.choice([1, 40, 5000, limit]) for _ in range(WORDS)]
    return np.array(
        [[some(rng, -size, size - 1) for _ in range(config.lanes)] for size in sizes_], dtype=np.int64
    )


def random_bytes(config: Config, start: Lfsr) -> np.ndarray:
    shape = torch.Size((1, WORDS * config.lanes))
    array = ArrayShape(config.engines, config.lanes, config.accumulators)
    found = map_bytes(RandomWords(start), shape, array, 1)
    return found.numpy().astype(np.int64).reshape(WORDS, config.lanes)


PACES = first_or_long([(4, 0.5), (16, 0.0), (4, 0.0), (8, 0.0), (8, 0.5), (16, 0.5)], 2)
"""Lanes, and how often errors and sums pause."""


@pytest.mark.parametrize(("lanes", "pause"), PACES)
def test_blocks(lanes: int, pause: float) -> None:
    rng, config = seeded(lanes), sizes(lanes)
    dut = Rounded(MapWriter(config), config, 1)

    async def bench(ctx: Any) -> None:
        for shift, resumes, pauses in ((-9, 0, 0), (0, 0, 1), (-13, 1, 1), (-4, 1, 0)):
            ctx.set(dut.command, {"resumes": resumes, "pauses": pauses})
            ctx.set(dut.start, 1)
            assert ctx.get(dut.blocks.start) == 1 - resumes
            await ctx.tick()
            ctx.set(dut.start, 0)
            sums, order = some_sums(rng, config), rng.sample(range(WORDS), WORDS)
            ctx.set(dut.enable, 1)
            ctx.set(dut.shift, shift)
            seen = await run(ctx, dut, config, rng, sums, order, [], 1, pause)
            blocks, _ = encode_floats(sums * 2.0**shift, NORM_FORMAT.forward)
            words = block_words(blocks, lanes)
            check(seen, order, words, latency.BLOCKS)
            slices, size = lanes // config.basis, 8 * config.basis
            assert seen.blocks == [
                (
                    part,
                    number % 3,
                    int(number < 3 and part == 0 and not resumes),
                    int(number >= 12 and part == slices - 1 and not pauses),
                    word >> part * size & (1 << size) - 1,
                )
                for number, word in enumerate(words)
                for part in range(slices)
            ]

    simulate(dut, bench)


@pytest.mark.parametrize(("lanes", "pause"), PACES)
def test_errors(lanes: int, pause: float) -> None:
    """With and without a map that is added, one that masks, and its ReLU; counts begin anew or go on."""
    rng, config = seeded(lanes), sizes(lanes)
    dut = Rounded(MapWriter(config), config, 1)
    start = START

    async def bench(ctx: Any) -> None:
        nonlocal start
        counts = np.zeros(2, int)
        for added, masked, relu, on in ((0, 0, 0, 0), (1, 0, 0, 1), (0, 1, 1, 0), (1, 1, 0, 1)):
            sums, order = some_sums(rng, config), rng.sample(range(WORDS), WORDS)
            maps_ = np.array([[some(rng, -127, 127) for _ in range(lanes)] for _ in range(64)])
            shift, addend_shift = rng.randint(-6, 6), rng.randint(4, 10)
            for port, value in (
                (dut.enable, 1),
                (dut.error, 1),
                (dut.shift, shift),
                (dut.addend_shift, addend_shift),
                (dut.start, 1),
            ):
                ctx.set(port, value)
            ctx.set(
                dut.command,
                {
                    "addend": added,
                    "addend_distance": ADDEND - OUTPUT,
                    "masked": masked,
                    "mask_relu": relu,
                    "mask_distance": MASK - OUTPUT,
                    "counts_on": on,
                },
            )
            await load_state(ctx, dut.load, dut.word, start)
            ctx.set(dut.start, 0)
            spacing = latency.slow_terms(lanes // config.basis, bool(added))
            seen = await run(ctx, dut, config, rng, sums, order, byte_words(maps_, lanes), spacing, pause)
            noise = random_bytes(config, start)
            rows, counts = [], counts * on
            for number, place in enumerate(order):
                row = []
                for lane in range(lanes):
                    total = maps.fraction(int(sums[number, lane]), shift)
                    if added:
                        total += maps.fraction(int(maps_[(ADDEND + place) % 64, lane]), addend_shift)
                    if masked and not maps.passes(int(maps_[(MASK + place) % 64, lane]), bool(relu)):
                        total = 0
                    byte, saturated, large = maps.saturated(maps.cut(total, int(noise[number, lane])))
                    row.append(byte)
                    counts += (saturated, large)
                rows.append(row)
            check(seen, order, byte_words(np.array(rows), lanes), latency.ERRORS)
            assert not seen.blocks
            assert (ctx.get(dut.saturated), ctx.get(dut.large)) == tuple(counts)

    simulate(dut, bench)


def test_inference_is_not_written() -> None:
    """Tokens of another pass: nothing is read or written, no turn is done."""
    rng, config = seeded(1), sizes(4)
    dut = Rounded(MapWriter(config), config, 1)

    async def bench(ctx: Any) -> None:
        sums = some_sums(rng, config)
        seen = await run(ctx, dut, config, rng, sums, list(range(WORDS)), [0] * 64, 1, 0.0)
        assert seen.writes == []
        assert seen.done == []

    simulate(dut, bench)
