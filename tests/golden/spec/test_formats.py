"""The number rules against rational arithmetic, exhaustively where small."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from golden.spec import formats


def test_every_code_is_one_coefficient() -> None:
    codes = [code for code in range(16) if code != formats.CODE_END]
    values = [formats.decode_coefficient(code) for code in codes]
    assert sorted(values) == sorted([0, *(s << p for p in range(7) for s in (1, -1))])
    assert [formats.encode_coefficient(value) for value in values] == codes


@pytest.mark.parametrize("value", [3, -5, 128, -128, 96])
def test_other_values_are_refused(value: int) -> None:
    with pytest.raises(ValueError, match=rf"^coefficient {value} is not 0 or ±2\*\*p with p in 0…6$"):
        formats.encode_coefficient(value)


@pytest.mark.parametrize("code", [formats.CODE_END, 16, -1])
def test_other_codes_are_refused(code: int) -> None:
    with pytest.raises(ValueError, match=f"^code {code} is not a coefficient$"):
        formats.decode_coefficient(code)


def _fewest_digits(limit: int) -> dict[int, int]:
    """Fewest coefficients that sum to each value of −limit…limit, by breadth-first search."""
    steps = [s << p for p in range(formats.EXPONENTS) for s in (1, -1)]
    fewest, frontier = {0: 0}, [0]
    while frontier:
        new = []
        for value in frontier:
            for step in steps:
                if abs(value + step) <= 2 * limit and value + step not in fewest:
                    fewest[value + step] = fewest[value] + 1
                    new.append(value + step)
        frontier = new
    return fewest


def test_signed_digits_of_every_int8() -> None:
    fewest = _fewest_digits(128)
    for value in range(-128, 128):
        digits = formats.signed_digits(value)
        assert sum(digits) == value
        assert all(formats.decode_coefficient(formats.encode_coefficient(d)) == d for d in digits)
        assert [abs(d) for d in digits] == sorted((abs(d) for d in digits), reverse=True)

        assert len(digits) == fewest[value]


@given(st.integers(-(2**40), 2**40), st.integers(0, 45))
def test_round_shift_is_python_rounding(value: int, shift: int) -> None:
    assert formats.round_shift(value, shift) == round(Fraction(value, 2**shift))


@given(st.integers(-(2**20), 2**20), st.integers(1, 16))
def test_saturate_is_the_nearest(value: int, bits: int) -> None:
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    result = formats.saturate(value, bits)
    assert low <= result <= high
    assert abs(value - result) == max(0, value - high, low - value)
