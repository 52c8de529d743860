"""ParameterMemory: every integer as its scalar, and what is kept, one channel after the other, in time."""

import random
from dataclasses import replace
from fractions import Fraction
from typing import Any

from golden.spec import latency
from golden.spec.block import SCALAR_BITS
from golden.spec.commands import parameter_record
from golden.spec.memories import Memory, statistics_record
from hw.learning.parameter_memory import ParameterMemory
from sim.lightnorm.numbers import as_number
from tests.hw.bench import NANO, load_words, seeded, simulate

CONFIG = replace(NANO, basis=4, learning=True, filter_words=1 << 12)


def value(number: dict[str, int]) -> Fraction:
    """What a scalar stands for; its form is checked."""
    mantissa = number["mantissa"]
    if mantissa == 0:
        assert number == {"mantissa": 0, "sign": 0, "exponent": 0}
    else:
        assert mantissa >> SCALAR_BITS - 1 == 1
    return Fraction(-mantissa if number["sign"] else mantissa) * Fraction(2) ** number["exponent"]


def _scalar(rng: random.Random) -> dict[str, int]:
    return {
        "mantissa": rng.getrandbits(SCALAR_BITS),
        "sign": rng.getrandbits(1),
        "exponent": rng.randint(-90, 90),
    }


def test_parameters_of_channels() -> None:
    rng = seeded(3)
    dut = ParameterMemory(CONFIG)
    ends = [-32767, 32767, 0, *(sign << bit for bit in range(15) for sign in (1, -1))]
    pairs = [(it, rng.choice(ends)) for it in ends]
    for _ in range(200):
        gamma, beta = (rng.randint(-32767, 32767) >> rng.randrange(16) for _ in range(2))
        pairs.append((gamma, beta))
    words = [parameter_record().pack(gamma=gamma, beta=beta) for gamma, beta in pairs]

    async def bench(ctx: Any) -> None:
        await load_words(ctx, dut, CONFIG, Memory.PARAMETER, words)
        # The last ones by the other way.
        for address in range(len(words), len(words) + 20):
            pairs.append((address, -address))
            ctx.set(dut.put.valid, 1)
            ctx.set(dut.put.address, address)
            ctx.set(dut.put.word, parameter_record().pack(gamma=address, beta=-address))
            await ctx.tick()
        ctx.set(dut.put.valid, 0)
        # What is kept of the last channel of all has been loaded.
        end = len(pairs) - 1
        kept = {end: {name: _scalar(rng) for name in ("mean", "scale")}}
        fields = {f"{name}_{field}": it for name in kept[end] for field, it in kept[end][name].items()}
        await load_words(
            ctx, dut, CONFIG, Memory.STATISTICS, [0] * end + [statistics_record().pack(**fields)]
        )
        for first, count, keep in (
            (end, 1, 0),
            (len(pairs) - 30, 30, 1),
            (0, len(pairs), 1),
            (len(pairs) - 40, 40, 0),
        ):
            ctx.set(dut.o.keep, keep)
            ctx.set(dut.first, first)
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            for channel in range(first, first + count):
                # The next one stands there at once, if the one before it has stayed so long.
                for _ in range(latency.PARAMETERS - 1 if channel == first else 0):
                    assert channel != first or not ctx.get(dut.o.there)
                    await ctx.tick()
                assert ctx.get(dut.o.there)
                for _ in range(latency.PARAMETERS + rng.randrange(3)):
                    await ctx.tick()
                found = {name: as_number(ctx.get(getattr(dut.o, name))) for name in ("gamma", "beta")}
                gamma, beta = pairs[channel]
                assert value(found["gamma"]) == Fraction(gamma, 1024)
                assert value(found["beta"]) == Fraction(beta, 1024)
                if not keep:
                    there = ctx.get(dut.o.kept)
                    assert {name: as_number(there[name]) for name in ("mean", "scale")} == kept[channel]
                it = {name: _scalar(rng) for name in ("mean", "scale")}
                # Without `keep` nothing is written: of the next channels what was kept before is expected.
                kept |= {channel: it} if keep else {}
                ctx.set(dut.o.found, it)
                ctx.set(dut.o.take, 1)
                await ctx.tick()
                ctx.set(dut.o.take, 0)

    simulate(dut, bench)
