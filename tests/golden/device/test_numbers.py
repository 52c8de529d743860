"""The rules for one number as instructions: those of golden, for values at the ends and anywhere."""

from itertools import product

import numpy as np
import pytest

from golden.device.assembly import ZERO, Assembly, Register
from golden.device.data import exponential_words
from golden.device.firmware.head import pair
from golden.device.firmware.numbers import (
    fraction_shift,
    moved,
    reported,
    scalar_sum,
    store_counts,
    update_limit,
)
from golden.learning.softmax import softmax
from golden.lightnorm import scalars
from golden.lightnorm.scalars import Scalars
from golden.machine.controller_walk import rounded
from golden.machine.shifts import signed
from golden.numerics.lfsr import RandomWords
from golden.spec import maps
from golden.spec.commands import scalar_report_record
from golden.spec.controller import COUNT_BITS, DOT_BITS, PACKED
from golden.spec.formats import round_shift
from golden.spec.learning import power_term as golden_term
from golden.spec.learning import stochastic
from tests.golden.device.fragments import COUNTS, RANDOM, for_each, run_program
from tests.sim.learning.devices import CONFIG

BYTE = 0xFF


def anything(rng: np.random.Generator, bits: int, count: int) -> list[int]:
    """Numbers of up to so many bits with sign, all lengths alike, those at the ends too."""
    sizes = rng.integers(0, bits, count)
    numbers = [int(rng.integers(0, 1 << 62)) & (1 << int(size)) - 1 for size in sizes]
    signs = rng.choice([-1, 1], count)
    ends = [0, 1, -1, (1 << bits - 1) - 1, -(1 << bits - 1) + 1, 1 << bits - 2, 3 << bits - 3]
    return ends + [int(sign) * number for sign, number in zip(signs, numbers, strict=True)]


@pytest.mark.parametrize("random", [False, True])
def test_int8(random: bool) -> None:
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
    bytes_ = [int(byte) if random else None for byte in rng.integers(0, 256, len(values))]
    right = []
    for value, shift, byte in zip(values, shifts, bytes_, strict=True):
        number, saturated, large = maps.saturated(maps.cut(maps.fraction(value, shift + 8), byte))
        right.append((number, saturated + (large << COUNT_BITS)))
    distances = for_each([(shift,) for shift in shifts], fraction_shift)
    assert [rounded(*case) for case in zip(values, distances, bytes_, strict=True)] == right


def test_counts() -> None:
    """Of numbers on both sides of both borders; they begin anew."""
    bytes_ = [-128, -127, -65, -64, -63, -62, -32, -31, 0, 31, 32, 62, 63, 64, 65, 126, 127]
    rows = [[byte] + [99] * (CONFIG.lanes - 1) for byte in bytes_]

    def counting(it: Assembly) -> None:
        with it.registers(3) as (elements, step, shift):
            it.constant(elements, len(rows))
            it.add(step, ZERO, 1)
            it.walk(elements, ZERO, step)
            it.constant(shift, 9)
            it.pool(shift, ZERO, 0)
        store_counts(it, COUNTS)
        store_counts(it, COUNTS + 2)

    found = run_program(counting, [], rows)
    doubled = [2 * byte for byte in bytes_]
    right = [max(-127, min(127, number)) for number in doubled]
    assert [signed(word, DOT_BITS) for word in found[: len(rows)]] == right
    counts = [sum(abs(number) > border for number in doubled) for border in (127, 63)]
    assert found[COUNTS : COUNTS + 4] == [*counts, 0, 0]
    assert 0 < counts[0] < counts[1] < len(rows)


def test_powers_of_two() -> None:
    """Every error many times; above each stand the two before."""
    errors = [error for error in range(-127, 128) for _ in range(5)]
    drawn = RandomWords(RANDOM).take(len(errors)) & np.uint64(0x3F)
    right = [golden_term(error, int(word)) for error, word in zip(errors, drawn, strict=True)]

    def write(it: Assembly) -> None:
        with it.registers(2) as (elements, place):
            it.constant(elements, len(errors))
            it.walk(elements, ZERO, ZERO)
            it.add(place, ZERO, 0)
            it.terms(place, 0)

    found = run_program(write, errors)[: len(errors)]
    for before in range(PACKED):
        parts = [signed(word >> before * DOT_BITS, DOT_BITS) for word in found]
        assert parts == [0] * before + right[: len(right) - before]
    assert {0, 64, -64, 1, -1} <= set(right)


@pytest.mark.parametrize("reach", [100, 6000, 1 << 16])
def test_softmax_is_that_of_golden(reach: int) -> None:
    """Exponentials, their sum, shares as int8, of logits near each other and far apart, alike and alone."""
    rng = np.random.default_rng(reach)
    half, first, table = reach // 2, 10, 400
    for classes, shift in product((1, 2, 7, 100), (-8, 3, 8)):
        logits = rng.integers(-half, half, classes)
        logits[rng.integers(classes)] = logits.max()
        label = int(rng.integers(classes))

        def write(it: Assembly, label: int = label, shift: int = shift, classes: int = classes) -> None:
            with it.registers(3) as (shift_, operand, none):
                it.constant(shift_, pair(0, classes))
                it.walk(shift_, ZERO, ZERO)
                it.constant(operand, pair(first, 0))
                it.add(shift_, ZERO, 0)
                it.logits(shift_, operand, first)
                it.store(shift_, COUNTS)
                it.constant(operand, pair(table, first))
                it.exponentials(none, operand, first + 200)
                it.store(none, COUNTS + 1)
                it.constant(operand, pair(first + 200 + label, first + 200))
                it.constant(shift_, shift)
                it.shares(shift_, operand, first)

        data = [0] * first + logits.tolist()
        data += [0] * (table - len(data)) + exponential_words()
        found = run_program(write, data)
        best = int(logits.argmax())
        assert found[COUNTS] == (int(logits[best]) << 16) + first + best
        right = softmax(logits[None].astype(np.int64), np.array([label])).probabilities[0]
        exponentials = found[first + 200 :][:classes]
        assert found[COUNTS + 1] == sum(exponentials)
        assert [((it << 16) + sum(exponentials) // 2) // sum(exponentials) for it in exponentials] == (
            right.tolist()
        )
        right[label] -= 1 << 16
        drawn = RandomWords(RANDOM).take(classes) & np.uint64(BYTE)
        errors = [
            rounded(int(it), shift, int(byte))[0] for it, byte in zip(right.tolist(), drawn, strict=True)
        ]
        assert found[first:][:classes] == errors


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
