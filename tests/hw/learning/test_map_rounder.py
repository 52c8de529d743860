"""MapRounder against `golden.spec.maps`: shifts of all sizes, ties, both ends, addends, pulls, masks."""

import random
from typing import Any

import pytest

from golden.spec import maps
from golden.spec.latency import MAP_ROUND
from hw.learning.map_rounder import MapRounder
from tests.hw.bench import join, seeded, simulate, some, split
from tests.selection import first_or_long

LANES = 4
BEATS = 40


def expected(
    beat: dict[str, Any], pull: int, rule: dict[str, int], noise: list[int]
) -> list[tuple[int, bool, bool]]:
    """Byte, beyond ±127, beyond ±63 of every lane."""
    found = []
    for lane in range(LANES):
        total = maps.fraction(beat["values"][lane], rule["shift"])
        high, low = beat["high"] >> lane & 1, beat["low"] >> lane & 1
        if high != low:
            total += pull if low else -pull
        elif rule["add"]:
            total += maps.fraction(beat["addends"][lane], rule["addend_shift"])
        if rule["relu"]:
            total = max(total, 0)
        if rule["masked"] and not maps.passes(beat["mask"][lane], bool(rule["mask_relu"])):
            total = 0
        found.append(maps.saturated(maps.cut(total, noise[lane] if rule["stochastic"] else None)))
    return found


def a_value(rng: random.Random, bits: int, shift: int) -> int:
    """A value near what the shift makes small, large or a tie of; or any."""
    limit = 1 << bits - 1
    kind = rng.randrange(4)
    if kind == 0:
        return some(rng, -limit, limit - 1)
    # So many eighths of a unit, or of the two hundred and fifty-sixth of one.
    place = -shift + (5 if kind == 1 else 8 if kind == 2 else -3)
    wanted = rng.randint(-1100, 1100)
    value = wanted << place if place >= 0 else wanted >> -place
    return max(-limit, min(limit - 1, value))


def a_rule(rng: random.Random, bits: int) -> dict[str, int]:
    add = rng.randrange(2)
    rule = {name: rng.randrange(2) for name in ("relu", "stochastic", "masked", "mask_relu")}
    near = rng.choice([rng.randint(-bits - 2, 24), rng.randint(-1024, 1023), rng.randint(-8, 8)])
    return {
        **rule,
        "add": add,
        "shift": near,
        "addend_shift": rng.choice([rng.randint(-12, 24), rng.randint(-128, 127), 8]),
    }


@pytest.mark.parametrize(("bits", "stall"), first_or_long([(23, 0.3), (32, 0.0), (23, 0.0), (32, 0.3)], 2))
def test_beats(bits: int, stall: float) -> None:
    rng = seeded(bits)
    dut = MapRounder(LANES, bits)

    async def run(ctx: Any, rule: dict[str, int]) -> None:
        ctx.set(dut.rule, rule)
        ctx.set(dut.clear, 1)
        await ctx.tick()
        ctx.set(dut.clear, 0)
        marks = not rule["add"] and rng.random() < 0.5
        beats: list[dict[str, Any]] = [
            {
                "values": [a_value(rng, bits, rule["shift"]) for _ in range(LANES)],
                "addends": [some(rng, -128, 127) for _ in range(LANES)],
                "high": rng.getrandbits(LANES) if marks else 0,
                "low": rng.getrandbits(LANES) if marks else 0,
                "mask": [some(rng, -127, 127) for _ in range(LANES)],
                "pull": int(marks and (place == 0 or rng.random() < 0.1)),
            }
            for place in range(BEATS)
        ]
        sent: list[tuple[dict[str, Any], int]] = []
        pull = 0
        for beat in beats:
            if beat["pull"]:
                pull = maps.fraction(beat["values"][0], rule["shift"])
            else:
                sent.append((beat, pull))
        entered: list[int] = []
        noises: list[list[int]] = []
        got: list[int] = []
        offered, waits, enabled = 0, 0, 0
        while len(got) < len(sent):
            noise = [some(rng, 0, 255) for _ in range(LANES)]
            enable = rng.random() >= stall
            ctx.set(dut.enable, enable)
            ctx.set(dut.random, join(noise, 8))
            if not waits and offered < BEATS and rng.random() >= stall:
                ctx.set(dut.i.payload, beats[offered])
                ctx.set(dut.i.valid, 1)
                waits = 1
            await ctx.delay(1e-8)
            if enable:
                if ctx.get(dut.draw):
                    noises.append(noise)
                if waits and ctx.get(dut.i.ready):
                    if not beats[offered]["pull"]:
                        entered.append(enabled)
                    offered, waits = offered + 1, 0
                if ctx.get(dut.valid):
                    got.append(ctx.get(dut.o))
                    assert enabled - entered[len(got) - 1] == MAP_ROUND
                    assert ctx.get(dut.busy)
                enabled += 1
            assert enabled < 100 * BEATS
            await ctx.tick()
            if not waits:
                ctx.set(dut.i.valid, 0)
        if not stall and not marks:
            assert entered == list(range(BEATS))
        assert len(noises) == (len(sent) if rule["stochastic"] else 0)
        ctx.set(dut.enable, 0)
        noises = noises or [[0] * LANES] * len(sent)
        right = [expected(*it, rule, noise) for it, noise in zip(sent, noises, strict=True)]
        assert [split(word, 8, LANES) for word in got] == [[it[0] for it in row] for row in right], rule
        for count, place in ((dut.saturated, 1), (dut.large, 2)):
            assert ctx.get(count) == sum(it[place] for row in right for it in row)
        ctx.set(dut.enable, 1)
        await ctx.tick()
        assert not ctx.get(dut.busy)

    async def bench(ctx: Any) -> None:
        for _ in range(40):
            await run(ctx, a_rule(rng, bits))

    simulate(dut, bench)
