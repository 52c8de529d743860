"""Scalar arithmetic against rational numbers: every operation is the exact result rounded once."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from golden.lightnorm import channel, scalars
from golden.lightnorm.scalars import Scalars
from golden.spec import block

MANTISSAS = st.one_of(
    st.just(0), st.integers(1 << 23, (1 << 24) - 1), st.sampled_from([1 << 23, (1 << 24) - 1, (1 << 23) + 1])
)
PAIRS = st.tuples(MANTISSAS, st.integers(-60, 60), st.booleans())


def array(pair: tuple[int, int, bool]) -> Scalars:
    mantissa, exponent, negative = pair
    value = -mantissa if negative else mantissa
    return Scalars(np.array([value]), np.array([exponent if mantissa else 0]))


def exact(value: Scalars) -> Fraction:
    return int(value.mantissa[0]) * Fraction(2) ** int(value.exponent[0])


def same(got: Scalars, value: Fraction) -> bool:
    right = block.scalar(value)
    return (got.mantissa[0], got.exponent[0]) == (right.mantissa, right.exponent)


@given(PAIRS, PAIRS)
def test_sums_and_products_are_rounded_once(a: tuple[int, int, bool], b: tuple[int, int, bool]) -> None:
    x, y = array(a), array(b)
    assert same(scalars.add(x, y), exact(x) + exact(y))
    assert same(scalars.multiply(x, y), exact(x) * exact(y))


@given(st.integers(-(2**150), 2**150), st.integers(0, 140), st.integers(-50, 50))
def test_integers_of_any_size(value: int, zeros: int, exponent: int) -> None:
    value = value >> zeros << zeros
    assert same(scalars.from_integers([value], exponent), value * Fraction(2) ** exponent)


@given(st.floats(allow_nan=False, allow_infinity=False, width=64))
def test_floats(value: float) -> None:
    assert same(scalars.from_floats(np.array([value])), Fraction(value))


@given(PAIRS, st.integers(-80, 80), st.integers(1, 60))
def test_to_grid(pair: tuple[int, int, bool], grid: int, bits: int) -> None:
    value = array(pair)
    limit = (1 << bits) - 1
    right = max(-limit, min(limit, round(exact(value) / Fraction(2) ** grid)))
    assert scalars.to_grid(value, np.array([grid]), bits)[0] == right


def test_bit_length() -> None:
    values = [v for p in range(62) for v in ((1 << p) - 1, 1 << p, -(1 << p))][:-2]
    assert scalars.bit_length(np.array(values)).tolist() == [abs(v).bit_length() for v in values]


@pytest.mark.parametrize("bits", [6, 10])
def test_every_divisor(bits: int) -> None:
    """The quotient has `bits` bits; the one that has more is held below."""
    divisors = np.arange(1 << (bits - 1), 1 << bits)
    quotients = channel.divide(divisors, bits)
    assert quotients[0] == (1 << bits) - 1
    for divisor, quotient in zip(divisors[1:].tolist(), quotients[1:].tolist(), strict=True):
        assert quotient == 2 ** (2 * bits - 1) // divisor
        assert 1 << (bits - 1) <= quotient < 1 << bits


@given(st.integers(1 << 23, (1 << 24) - 1), st.integers(-60, 60), st.sampled_from([6, 10, 16, 24]))
def test_reciprocals_are_near(mantissa: int, exponent: int, bits: int) -> None:
    value = array((mantissa, exponent, False))
    result = exact(channel.reciprocal(value, bits)) * exact(value)
    assert abs(result - 1) <= Fraction(1, 2**bits) + Fraction(1, 2 ** (bits - 1))


def test_the_reciprocal_of_zero_is_zero() -> None:
    assert channel.reciprocal(array((0, 0, False)), 10).mantissa[0] == 0
