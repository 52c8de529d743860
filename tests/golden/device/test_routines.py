"""Routines of the firmware: golden's rules for scales, levels and statistics."""

from collections.abc import Callable

import numpy as np
import pytest

from golden.device.assembly import Assembly
from golden.device.data import plan_data
from golden.device.firmware.routines import write_routines
from golden.learning import norm
from golden.lightnorm import scalars
from golden.spec.commands import scalar_report_record
from golden.spec.learning import (
    ACTIVATION_EXPONENTS,
    ERROR_EXPONENTS,
    GRADIENT_EXPONENTS,
    GRADIENT_HIGH,
    GRADIENT_LOW,
    moved_gradient,
    moved_scale,
)
from tests.golden.device.fragments import run_program
from tests.sim.learning.devices import CONFIG, NETWORK

PLAN = plan_data(NETWORK, 4, CONFIG)
FREE = PLAN.loaded
"""Words from here on are the tests'."""


def place(number: int) -> int:
    """First of the three words of a case; what is written at a distance of them is no other case's."""
    block, within = divmod(number, PLAN.distance // 3)
    return FREE + 2 * PLAN.distance * block + 3 * within


def run_cases(rows: list[tuple[int, int, int]], program: Callable[[Assembly], None], at: int) -> list[int]:
    """What stands `at` words from the third one of each case afterwards."""
    data = [0] * CONFIG.controller_words
    for number, row in enumerate(rows):
        data[place(number) : place(number) + 3] = row
    found = run_program(program, data)
    return [found[place(number) + 2 + at] for number in range(len(rows))]


def test_scales() -> None:
    """At the borders of both shares, and at both ends."""
    cases = [
        (exponent, values, saturated, large, limits)
        for limits in (ACTIVATION_EXPONENTS, ERROR_EXPONENTS)
        for exponent in (*limits, -3)
        for values in (100, 1024, 5000, 1 << 20)
        for saturated, large in (
            (0, 0),
            (values // 1024, values),
            (values // 1024 + 1, values),
            (0, values // 4096),
            (0, values // 4096 + 1),
        )
    ]

    def program(it: Assembly) -> None:
        routines = write_routines(it, NETWORK, PLAN, 4)
        for number, (_, values, _, _, limits) in enumerate(cases):
            counts = place(number)
            it.call(routines.scale, counts, counts + 2, values // 1024, values // 4096, *limits)

    rows = [(saturated, large, exponent) for exponent, _, saturated, large, _ in cases]
    assert run_cases(rows, program, PLAN.distance) == [moved_scale(*case) for case in cases]


def test_levels() -> None:
    """Σ|G| up to 46 bits, at the borders, with units far to both sides."""
    rng = np.random.default_rng(1)
    cases = []
    for kept in (1, 7, 2592, 100_000):
        for exponent in (*GRADIENT_EXPONENTS, -8, 0):
            for unit in (-97, exponent - 12, exponent - 10, exponent, exponent + 7, 17):
                totals = [0, 1, int(rng.integers(1, 1 << 40)), (1 << 46) - 1]
                for border in (GRADIENT_HIGH, GRADIENT_LOW):
                    # Σ|G| · 2^(10 + unit − g) next to kept · border.
                    shift = 10 + unit - exponent
                    level = kept * border >> shift if shift >= 0 else kept * border << min(-shift, 20)
                    totals += [total for total in (level - 1, level, level + 1) if 0 <= total < 1 << 46]
                cases += [(exponent, total, unit, kept) for total in totals]
    cases = [cases[number] for number in rng.permutation(len(cases))[:120]]

    def program(it: Assembly) -> None:
        routines = write_routines(it, NETWORK, PLAN, 4)
        for number, (_, _, _, kept) in enumerate(cases):
            at = place(number)
            it.call(routines.level, at, at + 1, at + 2, kept * GRADIENT_HIGH, kept * GRADIENT_LOW)

    found = run_cases([(total, unit, exponent) for exponent, total, unit, _ in cases], program, 0)
    right = [moved_gradient(*case) for case in cases]
    moves = {now - before for now, (before, *_) in zip(right, cases, strict=True)}
    assert moves == {-1, 0, 1}
    assert found == right


@pytest.mark.parametrize("seed", range(6))
def test_running_statistics(seed: int) -> None:
    """Both follow; those of a batch that are zero, running ones that are, both."""
    rng = np.random.default_rng(seed)
    count = PLAN.distance

    def some(spread: int) -> scalars.Scalars:
        mantissas = rng.choice([-1, 0, 1], count, p=[0.45, 0.1, 0.45]) * rng.integers(1 << 23, 1 << 24, count)
        return scalars.normalise(mantissas, rng.integers(-spread, spread + 1, count))

    running, batch = some(6), some(40)
    near = np.arange(0, count, 2)
    batch.mantissa[near], batch.exponent[near] = running.mantissa[near], running.exponent[near] + 1
    batch = scalars.normalise(batch.mantissa, batch.exponent)
    right = norm.followed(running, batch, NETWORK.share)
    first = FREE + PLAN.distance
    record = scalar_report_record()
    data = [0] * (first + count)
    for number in range(count):
        m, e = int(running.mantissa[number]), int(running.exponent[number])
        data[FREE + number] = (m << 16) + e + (1 << 14) if m else 0
        m, e = int(batch.mantissa[number]), int(batch.exponent[number])
        data[first + number] = record.pack(mantissa=abs(m), sign=int(m < 0), exponent=e)

    def program(it: Assembly) -> None:
        routines = write_routines(it, NETWORK, PLAN, 4)
        it.call(routines.statistics, first, first + count)

    found = run_program(program, data)[first : first + count]
    pairs = zip(right.mantissa.tolist(), right.exponent.tolist(), strict=True)
    assert found == [(m << 16) + e + (1 << 14) if m else 0 for m, e in pairs]
