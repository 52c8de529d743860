"""Formats, chunks and host constants of LightNorm: values, limits and the words of the errors."""

import math
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from golden.spec import block
from golden.spec.block import PRESETS, BlockFormat, FormatError, Rounding


def test_bits_per_element() -> None:
    assert block.light().forward.bits_per_element == Fraction(29, 4)
    assert block.light().gradient.bits_per_element == Fraction(26, 4)
    assert block.mxint8().forward.bits_per_element == 8 + Fraction(8, 32)
    assert block.light().forward.exponent_bits == 5
    assert block.light().gradient.exponent_bits == 6


def test_presets_are_what_they_say() -> None:
    fmt = PRESETS["light"]
    assert (fmt.forward.exponent_low, fmt.forward.exponent_high) == (-14, 15)
    assert (fmt.gradient.exponent_low, fmt.gradient.exponent_high) == (-30, 31)
    assert fmt.forward.span == 34
    assert fmt.forward.grid == -18
    assert fmt.forward.largest == 31


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("magnitude_bits", 1, "BlockFormat field 'magnitude_bits' = 1; legal: 2…16"),
        ("exponent_low", -300, "BlockFormat field 'exponent_low' = -300; legal: -256…255"),
        ("exponent_high", -15, "BlockFormat field 'exponent_high' = -15; legal: -14…255"),
        ("group", 3, "BlockFormat field 'group' = 3; legal: one of [1, 2, 4, 8, 16, 32, 64]"),
        ("rounding", "up", "BlockFormat field 'rounding' = 'up'; legal: one of ["),
    ],
)
def test_wrong_formats_are_refused(field: str, value: object, words: str) -> None:
    with pytest.raises(FormatError) as caught:
        replace(block.light().forward, **{field: value})  # type: ignore[arg-type]
    assert str(caught.value).startswith(words)


def test_widths_that_cannot_work_are_refused() -> None:
    with pytest.raises(FormatError, match=r"^NormFormat field 'scale' = 30; legal: 4…16$"):
        replace(block.light(), scale=30)
    with pytest.raises(
        FormatError, match=r"^NormFormat field 'window' = 9; legal: forward.magnitude_bits \+ 2 or"
    ):
        replace(block.wide(), window=9)
    with pytest.raises(FormatError, match=r"^NormFormat field 'gradient_window' = 10; legal: 11 or more"):
        replace(block.wide(), gradient_window=10)


@given(st.integers(2, 5000), st.integers(1, 64))
def test_chunks_cover_the_channel(values: int, wanted: int) -> None:
    split = block.chunks(values, wanted)
    assert 1 <= split.count <= wanted
    assert split.length % block.CHUNK_ALIGN == 0
    last = values - split.starts[-1]
    assert last >= 1
    if split.count > 1:
        assert split.length / 2 <= last <= split.length * 3 / 2
    assert values - 1 < 1 << split.index_bits


def test_chunks_of_odd_sizes() -> None:
    assert block.chunks(1024, 8).starts == list(range(0, 1024, 128))
    assert block.chunks(100, 8).starts == [0, 16, 32, 48, 64, 80]
    assert block.chunks(5, 8).count == 1
    assert block.chunks(23, 8).count == 1
    assert block.chunks(24, 8).starts == [0, 16]


def test_channels_without_a_range_are_refused() -> None:
    with pytest.raises(FormatError, match=r"^n = 1 values a channel; legal: 2 or more"):
        block.chunks(1, 8)
    with pytest.raises(FormatError, match=r"^chunks K = 65; legal: 1…64$"):
        block.chunks(100, 65)
    with pytest.raises(FormatError, match=r"^epsilon = -1.0; legal: finite, 0 or more$"):
        block.constants(100, 8, -1.0)


@given(st.fractions(min_value=Fraction(1, 10**9), max_value=10**9))
def test_a_scalar_is_the_nearest(value: Fraction) -> None:
    got = block.scalar(value)
    assert got.mantissa.bit_length() == block.SCALAR_BITS
    step = Fraction(2) ** got.exponent
    assert abs(got.mantissa * step - value) <= step / 2
    assert block.scalar(-value) == replace(got, mantissa=-got.mantissa)


def test_scalars_are_float32() -> None:
    assert block.scalar(0.0) == block.Scalar(0, 0)
    assert block.scalar(1 - 2.0**-26) == block.Scalar(1 << 23, -23)
    assert block.scalar(1e-5) == block.Scalar(10995116, -40)


def test_constants() -> None:
    host = block.constants(1000, 8)
    count = host.chunks.count
    assert count == 8
    spread = host.spread.mantissa * 2.0**host.spread.exponent
    assert spread == pytest.approx(1 / math.sqrt(2 * math.log(125)) / 8, rel=2**-23)
    assert host.inverse == block.scalar(Fraction(1, 1000))


def test_formats_are_values() -> None:
    assert block.light(4) == PRESETS["light"]
    assert block.light(4, Rounding.TRUNCATE) != PRESETS["light"]
    assert BlockFormat(5, -14, 15) == block.light().forward
