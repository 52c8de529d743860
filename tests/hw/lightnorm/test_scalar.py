"""Scalar arithmetic: random numbers and the edges of rounding against the model, with stalls."""

import random
from typing import Any

import numpy as np
import pytest

from golden.lightnorm import scalars
from golden.lightnorm.scalars import Scalars
from golden.spec.block import SCALAR_BITS
from hw.lightnorm.add import Add
from hw.lightnorm.multiply import Multiply
from hw.lightnorm.normalise import Normalise
from hw.lightnorm.to_grid import ToGrid
from sim.lightnorm.numbers import Number, as_number, numbers
from tests.hw.bench import seeded, some
from tests.hw.lightnorm.drive import run_stream


def random_scalar(rng: random.Random) -> Number:
    """A scalar, often one at an edge, sometimes zero."""
    low, high = 1 << (SCALAR_BITS - 1), (1 << SCALAR_BITS) - 1
    mantissa = rng.choice([0, low, high, low + 1, rng.randint(low, high), rng.randint(low, high)])
    sign, exponent = rng.randrange(2), rng.randint(-100, 100)
    return {"mantissa": mantissa, "sign": sign if mantissa else 0, "exponent": exponent if mantissa else 0}


def array(numbers: list[Number]) -> Scalars:
    signed = [-n["mantissa"] if n["sign"] else n["mantissa"] for n in numbers]
    return Scalars(np.array(signed), np.array([n["exponent"] for n in numbers]))


def got(results: list[Any]) -> list[Number]:
    return [as_number(result) for result in results]


@pytest.mark.parametrize("bits", [12, 26, 55, 122])
@pytest.mark.parametrize("stall", [0.0, 0.3])
def test_normalise(bits: int, stall: float) -> None:
    rng = seeded(bits)
    limit = (1 << (bits - 1)) - 1
    values = [some(rng, -limit - 1, limit) >> rng.randrange(bits) for _ in range(40)]
    # Ties and runs of ones around the 24th bit.
    values += [(1 << k) - 1 for k in range(bits)] + [-(3 << k) - (k > 22) for k in range(bits - 2)]
    values += [(1 << 25) + 2 * k for k in range(4) if bits > 26]
    inputs = [{"value": value, "exponent": rng.randint(-200, 200)} for value in values]
    right = [numbers(scalars.from_integers([n["value"]], n["exponent"]))[0] for n in inputs]
    results, _ = run_stream(Normalise(bits), inputs, len(inputs), rng, stall)
    assert got(results) == right


@pytest.mark.parametrize("stall", [0.0, 0.3])
def test_multiply(stall: float) -> None:
    rng = seeded(1)
    pairs = [(random_scalar(rng), random_scalar(rng)) for _ in range(150)]
    inputs = [{"a": a, "b": b} for a, b in pairs]
    right = scalars.multiply(array([a for a, _ in pairs]), array([b for _, b in pairs]))
    results, cycles = run_stream(Multiply(), inputs, len(inputs), rng, stall)
    assert got(results) == numbers(right)
    if not stall:
        assert cycles == len(inputs) * (SCALAR_BITS + 3)


@pytest.mark.parametrize("bits", [4, 10, 22, 24, 44])
@pytest.mark.parametrize("stall", [0.0, 0.3])
def test_to_grid(bits: int, stall: float) -> None:
    rng = seeded(bits)
    values = [random_scalar(rng) for _ in range(120)]
    # Shifts from "nothing is left" to "far too large", most of them between.
    grids = [n["exponent"] + rng.choice([rng.randint(-60, 60), rng.randint(0, 26)]) for n in values]
    inputs = [{"scalar": n, "grid": grid} for n, grid in zip(values, grids, strict=True)]
    right = scalars.to_grid(array(values), np.array(grids), bits)
    results, _ = run_stream(ToGrid(bits), inputs, len(inputs), rng, stall)
    assert results == right.tolist()


@pytest.mark.parametrize("stall", [0.0, 0.3])
def test_add(stall: float) -> None:
    rng = seeded(2)
    pairs = [(random_scalar(rng), random_scalar(rng)) for _ in range(250)]
    for number, (a, b) in enumerate(pairs):
        a["sign"] = b["sign"] = 0
        if number % 4 and b["mantissa"]:
            # Most exponents near each other, where rounding and carries happen.
            b["exponent"] = a["exponent"] + rng.randint(-27, 27)
    inputs = [{"a": a, "b": b} for a, b in pairs]
    right = scalars.add(array([a for a, _ in pairs]), array([b for _, b in pairs]))
    results, _ = run_stream(Add(), inputs, len(inputs), rng, stall)
    assert got(results) == numbers(right)
