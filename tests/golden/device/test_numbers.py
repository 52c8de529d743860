"""The rules for one number as instructions: those of golden, for values at the ends and anywhere."""

import numpy as np
import pytest

from golden.device.assembly import Assembly, Register
from golden.device.firmware.numbers import (
    fraction_shift,
    inverse_of_sum,
    moved,
    probability,
    reported,
    scalar_sum,
    store_counts,
    update_limit,
)
from golden.lightnorm import scalars
from golden.lightnorm.scalars import Scalars
from golden.numerics.lfsr import RandomWords
from golden.spec import maps
from golden.spec.commands import scalar_report_record
from golden.spec.formats import round_shift
from golden.spec.learning import power_term as golden_term
from golden.spec.learning import stochastic
from tests.golden.device.fragments import COUNTS, RANDOM, for_each, run_program

BYTE = 0xFF


def anything(rng: np.random.Generator, bits: int, count: int) -> list[int]:
    """Numbers of up to so many bits with sign, all lengths alike, those at the ends too."""
    sizes = rng.integers(0, bits, count)
    numbers = [int(rng.integers(0, 1 << 62)) & (1 << int(size)) - 1 for size in sizes]
    signs = rng.choice([-1, 1], count)
    ends = [0, 1, -1, (1 << bits - 1) - 1, -(1 << bits - 1) + 1, 1 << bits - 2, 3 << bits - 3]
    return ends + [int(sign) * number for sign, number in zip(signs, numbers, strict=True)]


@pytest.mark.parametrize("random", [False, True])
def test_int8_and_counts(random: bool) -> None:
    """Ties to even, distances so far to either side that nothing or everything is cut, nothing wraps; values
    at the borders of the counts."""
    rng = np.random.default_rng(2)
    values = anything(rng, 25, 600)
    shifts = [int(shift) for shift in rng.integers(-80, 80, len(values))]
    near = [int(value) for value in rng.integers(-200 << 8, 200 << 8, 700)]
    near += [
        sign * (whole << 8 | below) for sign in (1, -1) for whole in (63, 64, 127, 128) for below in (0, 128)
    ]
    values, shifts = values + near, shifts + [-8] * len(near)
    bytes_ = RandomWords(RANDOM).take(len(values)) & np.uint64(BYTE) if random else [None] * len(values)
    right = [
        maps.saturated(maps.cut(maps.fraction(value, shift + 8), None if byte is None else int(byte)))
        for value, shift, byte in zip(values, shifts, bytes_, strict=True)
    ]

    def write(it: Assembly, value: Register, shift: Register) -> None:
        fraction_shift(it, shift)
        (it.stochastic if random else it.nearest)(value, value, shift)

    assert for_each(list(zip(values, shifts, strict=True)), write) == [value for value, *_ in right]

    def counting(it: Assembly) -> None:
        with it.registers(4) as (place, end, value, shift):
            it.constant(end, 2 * len(values))
            again = it.here()
            it.load(value, place)
            it.load(shift, place + 1)
            write(it, value, shift)
            it.add(place, place, 2)
            it.unequal(place, end, again)
        store_counts(it, COUNTS)
        store_counts(it, COUNTS + 2)

    found = run_program(counting, [number for pair in zip(values, shifts, strict=True) for number in pair])
    counts = [sum(saturated for _, saturated, _ in right), sum(large for *_, large in right)]
    # They begin anew.
    assert found[COUNTS : COUNTS + 4] == [*counts, 0, 0]
    assert 0 < counts[0] < counts[1] < len(values)


def test_powers_of_two() -> None:
    """Every error many times."""
    errors = [error for error in range(-127, 128) for _ in range(5)]
    drawn = RandomWords(RANDOM).take(len(errors)) & np.uint64(0x3F)
    right = [golden_term(error, int(word)) for error, word in zip(errors, drawn, strict=True)]

    def write(it: Assembly, error: Register) -> None:
        it.term(error, error)

    assert for_each([(error,) for error in errors], write) == right
    assert {0, 64, -64, 1, -1} <= set(right)


@pytest.mark.parametrize("largest", [32767, 2032])
def test_moves(largest: int) -> None:
    """Nothing wraps, however large a gradient and however far it goes to the left."""
    rng = np.random.default_rng(3)
    values = anything(rng, 35, 900)
    shifts = [int(shift) for shift in rng.choice([*range(-50, 60), -400, 400], len(values))]
    drawn = RandomWords(RANDOM).take(len(values)) & np.uint64(0xFFFF)
    limit = update_limit(largest)
    right = []
    for value, shift, word in zip(values, shifts, drawn, strict=True):
        whole = value << shift if shift >= 0 else round_shift(value, -shift)
        right.append(stochastic(max(-limit, min(limit, whole)), 16, int(word)))

    def write(it: Assembly, value: Register, shift: Register, work: Register, *limits: Register) -> None:
        moved(it, value, shift, (limits[0], limits[1]), work)

    rows = [(value, shift, 0) for value, shift in zip(values, shifts, strict=True)]
    assert for_each(rows, write, (limit, -limit)) == right


def _scalars(rng: np.random.Generator, count: int, reach: int) -> Scalars:
    mantissas = rng.choice([-1, 1], count) * rng.integers(1 << 23, 1 << 24, count)
    # Powers of two and numbers just below them, where a sum is carried or cancels.
    mantissas[::3] = np.sign(mantissas[::3]) * rng.choice(
        [1 << 23, (1 << 24) - 1, (1 << 23) + 1], len(mantissas[::3])
    )
    exponents = rng.integers(-reach, reach + 1, count)
    nothing = rng.random(count) < 0.05
    return scalars.normalise(np.where(nothing, 0, mantissas), exponents)


def test_reported_scalars() -> None:
    rng = np.random.default_rng(4)
    values = _scalars(rng, 300, 500)
    record = scalar_report_record()
    pairs = list(zip(values.mantissa.tolist(), values.exponent.tolist(), strict=True))
    words = [record.pack(mantissa=abs(m), sign=int(m < 0), exponent=e) for m, e in pairs]

    def mantissa(it: Assembly, value: Register, place: Register, exponent: Register, minus: Register) -> None:
        reported(it, value, exponent, minus, place)

    def exponent(it: Assembly, value: Register, place: Register, other: Register, minus: Register) -> None:
        reported(it, other, value, minus, place)

    minus = (-1 << 24,)
    rows = [(0, 3 * number + 2, word) for number, word in enumerate(words)]
    assert for_each(rows, mantissa, minus) == [m for m, _ in pairs]
    assert for_each(rows, exponent, minus) == [e for _, e in pairs]


@pytest.mark.parametrize("reach", [0, 2, 30, 400])
def test_sums_of_scalars(reach: int) -> None:
    """Rounded once, to nearest, ties to even; sums that cancel, that are carried, of zeros."""
    rng = np.random.default_rng(reach)
    a, b = _scalars(rng, 450, reach), _scalars(rng, 450, reach)
    a = Scalars(np.concatenate([a.mantissa, b.mantissa]), np.concatenate([a.exponent, b.exponent]))
    # Each number and its negative too.
    b = Scalars(np.concatenate([b.mantissa, -b.mantissa]), np.concatenate([b.exponent, b.exponent]))
    total = scalars.add(a, b)
    bias = 1 << 14

    def sides(values: Scalars) -> list[tuple[int, int]]:
        pairs = zip(values.mantissa.tolist(), values.exponent.tolist(), strict=True)
        return [(m, e + bias if m else 0) for m, e in pairs]

    def packed(it: Assembly, m: Register, e: Register, n: Register, f: Register, *rest: Register) -> None:
        full, grid, shift = rest
        scalar_sum(it, (m, e), (n, f), (grid, shift), full)
        it.high(m, m, e)

    rows = [(*one, *other) for one, other in zip(sides(a), sides(b), strict=True)]
    right = [(m << 16) + e for m, e in sides(total)]
    assert for_each(rows, packed, (24, 0, 0)) == right


def test_probabilities_are_quotients_to_the_integer_below() -> None:
    """By the inverse of the sum alone some are one too small; sums and shares at their ends too."""
    rng = np.random.default_rng(7)
    ends = [
        (share, total) for total in (1 << 16, (1 << 16) + 1, 1 << 24) for share in (0, 1, 1 << 15, 1 << 16)
    ]
    totals = rng.integers(1 << 16, 20 << 16, 3000)
    shares = np.minimum(rng.integers(0, (1 << 16) + 1, 3000), totals)
    rows = [(share, total) for share, total in zip(shares.tolist(), totals.tolist(), strict=True)]
    # Most of them are right at once: those that are not must be among what is tried.
    by_inverse = [((1 << 40) // total * share + (1 << 23)) >> 24 for share, total in rows]
    right = [((share << 16) + total // 2) // total for share, total in rows]
    missed = [row for row, found, wanted in zip(rows, by_inverse, right, strict=True) if found != wanted]
    assert missed
    cases = [*ends, *missed, *rows[:500]]

    def write(it: Assembly, share: Register, total: Register) -> None:
        with it.registers(4) as (found, inverse, rest, work):
            inverse_of_sum(it, inverse, rest, total)
            probability(it, found, share, (total, inverse, rest), work)
            it.add(share, found, 0)

    assert for_each(cases, write) == [((share << 16) + total // 2) // total for share, total in cases]
