"""The self-test passes with golden's results, and fails with any other, in simulation."""

from dataclasses import replace
from typing import Any

import pytest

from flows.board.contents import make_contents
from golden.spec.config import TINY
from hw.tops.selftest import Contents, SelfTest
from tests.hw.bench import seeded, simulate
from tests.sim.programs import random_case

IMAGES = 2
SEED = 23


@pytest.fixture(scope="module")
def contents() -> Contents:
    """A small random network on TINY, with its images and golden's results."""
    print(f"seed {SEED}")
    case = random_case(SEED, TINY, IMAGES)
    return make_contents(case.program, case.images)


def outcome(contents: Contents, limit: int = 40_000) -> tuple[str, int]:
    """How a self-test ends, and after how many cycles."""
    dut = SelfTest(TINY, contents)
    found: list[tuple[str, int]] = []

    async def bench(ctx: Any) -> None:
        for cycle in range(limit):
            passed, failed = ctx.get(dut.passed), ctx.get(dut.failed)
            assert ctx.get(dut.busy) == (not passed and not failed)
            if passed or failed:
                await ctx.tick().repeat(50)
                # It stays as it is.
                assert (ctx.get(dut.passed), ctx.get(dut.failed)) == (passed, failed)
                found.append(("pass" if passed else "fail", cycle))
                return
            await ctx.tick()

    simulate(dut, bench)
    assert found, f"no end within {limit} cycles"
    return found[0]


def test_right_results_pass(contents: Contents) -> None:
    verdict, _ = outcome(contents)
    assert verdict == "pass"


def test_one_wrong_bit_fails(contents: Contents) -> None:
    """In a byte that counts; and the last image counts as much as the first."""
    rng = seeded(5)
    place = len(contents.results) - 1 - rng.randrange(len(contents.enables))
    lane = contents.enables[place % len(contents.enables)].bit_length() - 1
    results = list(contents.results)
    results[place] ^= 1 << 8 * lane + rng.randrange(8)
    assert outcome(replace(contents, results=results))[0] == "fail"


def test_a_byte_that_holds_nothing_does_not_count(contents: Contents) -> None:
    lanes = [
        (place, lane)
        for place, word in enumerate(contents.enables)
        for lane in range(TINY.lanes)
        if not word >> lane & 1
    ]
    assert lanes
    results = list(contents.results)
    for place, lane in lanes:
        results[place] ^= 0xFF << 8 * lane
    assert outcome(replace(contents, results=results))[0] == "pass"


def test_a_wrong_program_fails(contents: Contents) -> None:
    """The checksum finds it before an image is run."""
    program = list(contents.program)
    program[len(program) // 2] ^= 1
    verdict, cycles = outcome(replace(contents, program=program))
    assert verdict == "fail"
    assert cycles < 4 * len(program) + 100


def test_a_result_of_more_words_than_expected_fails(contents: Contents) -> None:
    results, size = contents.results, len(contents.enables)
    assert size > 1
    short = [word for place, word in enumerate(results) if place % size < size - 1]
    assert outcome(replace(contents, results=short, enables=contents.enables[:-1]))[0] == "fail"
