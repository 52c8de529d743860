"""ErrorLoader: codes of the words that tokens name, in order of random bits; turns that end late."""

from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest
import torch

from golden.learning.random import map_bytes
from golden.learning.rounding import powers
from golden.numerics.lfsr import RandomWords
from golden.spec import formats, latency
from golden.spec.config import Config
from golden.spec.formats import encode_coefficient
from golden.spec.learning import ArrayShape
from golden.spec.learning import seeded as lfsr_of
from hw.learning.error_loader import ErrorLoader
from hw.writeback.terms import source_layout, token_layout
from tests.hw.bench import NANO, join, load_state, seeded, simulate, split

WORDS = 12
Code = tuple[int, int, int, int, list[int]]
"""Engine, bank, slot, slice, codes."""


def sizes(lanes: int) -> Config:
    return replace(NANO, engines=2, lanes=lanes, basis=4, feature_words=16, learning=True)


def a_code(term: float) -> int:
    return formats.CODE_ZERO if term == 0 else encode_coefficient(int(term))


@pytest.mark.parametrize("lanes", [4, 16])
@pytest.mark.parametrize("pause", [0.0, 0.5])
def test_codes_and_turns(lanes: int, pause: float) -> None:
    rng, config = seeded(lanes), sizes(lanes)
    dut = ErrorLoader(config)
    start = lfsr_of(5)
    errors = np.random.default_rng(3).integers(-127, 128, (config.feature_words, lanes))
    order = [rng.randrange(config.feature_words) for _ in range(WORDS)]
    # A word for each token of slice 0: as a map of one channel, the words are in order.
    values = torch.tensor(errors[order].reshape(1, -1), dtype=torch.float32)
    shape = ArrayShape(config.engines, lanes, config.accumulators)
    terms = (
        powers(values, map_bytes(RandomWords(start), values.shape, shape, 1)).numpy().reshape(WORDS, lanes)
    )
    found: list[Code] = []
    releases: list[tuple[int, int, int]] = []

    def sees(ctx: Any, cycle: int) -> None:
        for engine, port in enumerate(dut.errors):
            if ctx.get(port.valid):
                codes = [it & 15 for it in split(ctx.get(port.codes), formats.CODE_BITS, config.basis)]
                found.append((engine, ctx.get(port.bank), ctx.get(port.slot), ctx.get(port.slice), codes))
        for engine, port in enumerate(dut.engines):
            for bank in range(2):
                if ctx.get(port.release) >> bank & 1:
                    releases.append((cycle, engine, bank))

    async def bench(ctx: Any) -> None:
        ctx.set(dut.gradient, 1)
        await load_state(ctx, dut.load, dut.word, start)
        for port in dut.engines:
            ctx.set(port.full, 0b11)
        right, ends = await _turns(ctx, dut, config, rng, order, errors, terms, pause, sees)
        assert found == right
        assert releases == ends

    simulate(dut, bench)


async def _turns(
    ctx: Any,
    dut: ErrorLoader,
    config: Config,
    rng: Random,
    order: list[int],
    errors: np.ndarray,
    terms: np.ndarray,
    pause: float,
    sees: Any,
) -> tuple[list[Code], list[tuple[int, int, int]]]:
    """Drives a token for each slice of each word; a turn ends with every third word."""
    right: list[Code] = []
    ends: list[tuple[int, int, int]] = []
    slices = config.lanes // config.basis
    steps = [(number, part) for number in range(len(order)) for part in range(slices)]
    cycle, held = 0, {}
    while steps or cycle <= (ends[-1][0] + 1):
        token: dict[str, int] = {}
        source: dict[str, int] = {"engine": 0, "bank": 0, "slot": 0}
        release = [0, 0]
        if steps and rng.random() >= pause:
            number, part = steps.pop(0)
            engine, bank, slot = number // 3 % 2, number // 6 % 2, number % 3
            last = part == slices - 1 and number % 3 == 2
            token = {"valid": 1, "address": order[number], "slice": part, "turn_end": int(last)}
            source = {"engine": engine, "bank": bank, "slot": slot}
            codes = [a_code(it) for it in terms[number][part * config.basis :][: config.basis]]
            right.append((engine, bank, slot, part, codes))
            if last:
                release[engine] = 1 << bank
                ends.append((cycle + latency.ERROR_CODES + 1, engine, bank))
                held[engine, bank] = cycle
        ctx.set(dut.token, token_layout(config).const(token))
        ctx.set(dut.source, source_layout(config).const(source))
        for engine, port in enumerate(dut.drain):
            ctx.set(port.release, release[engine])
        await ctx.delay(1e-8)
        sees(ctx, cycle)
        for (engine, bank), since in held.items():
            # A bank that is being filled does not look as if it waited for codes.
            full = ctx.get(dut.drain[engine].full) >> bank & 1
            assert full == (not 1 <= cycle - since <= latency.ERROR_CODES + 1)
        asked, address = ctx.get(dut.read.valid), ctx.get(dut.read.address)
        await ctx.tick()
        ctx.set(
            dut.read.data, join(errors[address].tolist(), 8) if asked else rng.getrandbits(8 * config.lanes)
        )
        cycle += 1
    return right, ends


def test_other_passes_go_through() -> None:
    """Nothing is read, no code comes; reads and releases reach the engine in the same cycle."""
    config = sizes(4)
    dut = ErrorLoader(config)

    async def bench(ctx: Any) -> None:
        ctx.set(dut.token, token_layout(config).const({"valid": 1, "turn_end": 1}))
        drain, engine = dut.drain[1], dut.engines[1]
        for value, port in ((1, drain.read), (1, drain.bank), (2, drain.slot), (2, drain.release)):
            ctx.set(port, value)
        ctx.set(engine.full, 0b01)
        ctx.set(engine.sums, 77)
        await ctx.delay(1e-8)
        assert [ctx.get(it) for it in (engine.read, engine.bank, engine.slot, engine.release)] == [1, 1, 2, 2]
        assert (ctx.get(drain.full), ctx.get(drain.sums)) == (0b01, 77)
        for _ in range(latency.ERROR_CODES + 3):
            assert not ctx.get(dut.read.valid)
            assert not any(ctx.get(it.valid) for it in dut.errors)
            await ctx.tick()

    simulate(dut, bench)
