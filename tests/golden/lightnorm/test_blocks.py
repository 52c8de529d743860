"""Encoder and decoder of block floating point against rational arithmetic, one group at a time."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from golden.lightnorm.blocks import Blocks, encode, encode_floats
from golden.spec.block import BlockFormat, Flag, GroupAxis, Rounding

FORMATS = [
    BlockFormat(bits, low, high, group, rounding)
    for bits, low, high in ((2, 0, 1), (5, -14, 15), (4, -30, 31), (8, -14, 15), (7, -127, 127))
    for group in (1, 4)
    for rounding in Rounding
]


def magnitude(value: Fraction, exponent: int, fmt: BlockFormat) -> int:
    exact = abs(value) / Fraction(2) ** (exponent - fmt.magnitude_bits + 1)
    return round(exact) if fmt.rounding == Rounding.NEAREST else int(exact)


def oracle(values: list[Fraction], spikes: list[bool], fmt: BlockFormat) -> tuple[int, list[int], Flag]:
    """(exponent, signed magnitudes, flags) of one group: the lowest exponent that holds what counts."""
    counted = [v for v, spike in zip(values, spikes, strict=True) if not spike] or values
    exponent, flags = fmt.exponent_low, Flag.NONE
    while any(magnitude(v, exponent, fmt) > fmt.largest for v in counted):
        exponent += 1
    if exponent > fmt.exponent_high:
        exponent, flags = fmt.exponent_high, Flag.OVERFLOW
    result = [min(magnitude(v, exponent, fmt), fmt.largest) * (1 if v > 0 else -1) for v in values]
    if not any(result):
        exponent = fmt.exponent_low
        flags |= Flag.UNDERFLOW if any(values) else Flag.NONE
    return exponent, result, flags


numbers = st.one_of(
    st.just(0),
    st.integers(-(2**20), 2**20),
    st.integers(0, 52).flatmap(lambda p: st.sampled_from([2**p, 2**p - 1, -(2**p), 1 - 2**p])),
)


@given(
    st.sampled_from(FORMATS),
    st.lists(st.tuples(numbers, st.integers(-180, 150) | st.integers(-40, 0)), min_size=4, max_size=4),
    st.lists(st.booleans(), min_size=4, max_size=4),
)
def test_encode_equals_rational_arithmetic(
    fmt: BlockFormat, pairs: list[tuple[int, int]], spikes: list[bool]
) -> None:
    values = np.array([[v for v, _ in pairs]], np.int64)
    exponents = np.array([[e for _, e in pairs]], np.int64)
    for mask in (None, np.array([spikes])):
        blocks, flags = encode(values, exponents, fmt, GroupAxis.PIXELS, mask)
        expected = Flag.NONE
        for group in range(0, 4, fmt.group):
            part = pairs[group : group + fmt.group]
            exact = [v * Fraction(2) ** e for v, e in part]
            which = [False] * 4 if mask is None else spikes
            shared, magnitudes, met = oracle(exact, which[group : group + fmt.group], fmt)
            expected |= met
            assert blocks.exponents[0, group // fmt.group] == shared
            assert blocks.magnitudes[0, group : group + fmt.group].tolist() == magnitudes
        assert flags == expected


@pytest.mark.parametrize("axis", list(GroupAxis))
def test_short_groups_and_axes(axis: GroupAxis) -> None:
    """The two axes are each other's transposes; a short group is one with zeros at its end."""
    rng = np.random.default_rng(1)
    values = rng.normal(size=(6, 7))
    fmt = BlockFormat(5, -14, 15, 4)
    blocks, _ = encode_floats(values, fmt, axis)
    across = GroupAxis.CHANNELS if axis == GroupAxis.PIXELS else GroupAxis.PIXELS
    other, _ = encode_floats(values.T, fmt, across)
    np.testing.assert_array_equal(blocks.magnitudes, other.magnitudes.T)
    assert blocks.exponents.shape == ((6, 2) if axis == GroupAxis.PIXELS else (2, 7))
    padded = np.pad(values, [(0, 2), (0, 1)])
    whole, _ = encode_floats(padded, fmt, axis)
    np.testing.assert_array_equal(whole.magnitudes[:6, :7], blocks.magnitudes)


@pytest.mark.parametrize("fmt", [f for f in FORMATS if f.group == 4], ids=str)
def test_every_code_survives(fmt: BlockFormat) -> None:
    """Decoding and encoding again gives every canonical block back, at both ends of the range too."""
    top = np.arange(1 << (fmt.magnitude_bits - 1), fmt.largest + 1)
    small = top % (1 << (fmt.magnitude_bits - 1))
    groups = np.stack([top, -small, small // 2, np.zeros_like(top)], axis=1)
    for exponent in {fmt.exponent_low, 0, fmt.exponent_high}:
        shared = np.full((len(groups), 1), exponent)
        blocks = Blocks(groups, shared, fmt, GroupAxis.PIXELS)
        again, flags = encode_floats(blocks.floats(), fmt)
        np.testing.assert_array_equal(again.magnitudes, groups)
        np.testing.assert_array_equal(again.exponents, shared)
        assert flags == Flag.NONE


def test_what_is_not_a_number() -> None:
    fmt = BlockFormat(5, -14, 15, 4)
    blocks, flags = encode_floats(np.array([[np.nan, 1.0, 0.5, 0.0]]), fmt)
    assert blocks.floats().tolist() == [[0.0, 1.0, 0.5, 0.0]]
    assert flags == Flag.NAN
    blocks, flags = encode_floats(np.array([[np.inf, -np.inf, 0.5, 0.0]]), fmt)
    assert blocks.floats().tolist() == [[31 * 2.0**11, -31 * 2.0**11, 0.0, 0.0]]
    assert flags == Flag.INFINITE
    blocks, flags = encode_floats(np.array([[1e9, 1.0, 0.0, 0.0]]), fmt)
    assert blocks.floats().tolist() == [[31 * 2.0**11, 0.0, 0.0, 0.0]]
    assert flags == Flag.OVERFLOW
    blocks, flags = encode_floats(np.array([[1e-9, 0.0, 0.0, 0.0]]), fmt)
    assert blocks.exponents.tolist() == [[-14]]
    assert flags == Flag.UNDERFLOW


def test_stored_bits() -> None:
    blocks, _ = encode_floats(np.ones((3, 10)), BlockFormat(5, -14, 15, 4))
    assert blocks.payload_bits == 30 * 6 + 9 * 5
