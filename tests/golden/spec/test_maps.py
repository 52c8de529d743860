"""One value at a time against whole tensors, and the bytes of groups."""

import itertools

import pytest
import torch

from golden.learning import rounding
from golden.spec import maps
from golden.spec.learning import FRACTION_LARGEST, NORM_FORMAT, SCALE_LARGE


def test_fractions_are_those_of_tensors() -> None:
    """All small values with all shifts, and values around every power of two."""
    places = [1 << place for place in range(23)]
    values = sorted(
        {sign * it for p in places for it in (p - 1, p, p + 1) for sign in (1, -1)} | {*range(300)}
    )
    tensor = torch.tensor(values, dtype=torch.float64)
    for shift in range(-40, 41):
        found = rounding.fraction(tensor, shift - 8).tolist()
        assert found == [maps.fraction(value, shift) for value in values]
    assert maps.fraction(1, 1000) == FRACTION_LARGEST
    assert maps.fraction(-(1 << 40), -1000) == 0


def test_cuts_are_those_of_tensors() -> None:
    sums = [*range(-1100, 1100), *range(32_300, 32_800), *range(-32_800, -32_300), *range(16_000, 16_500)]
    tensor = torch.tensor(sums, dtype=torch.float32)
    for random in (None, 0, 1, 127, 128, 200, 255):
        rows = [maps.saturated(maps.cut(total, random)) for total in sums]
        exact = tensor / 256
        whole = exact.round() if random is None else (exact + random / 256).floor()
        assert [row[0] for row in rows] == whole.clamp(-127, 127).tolist()
        assert [row[1] for row in rows] == (whole.abs() > 127).tolist()
        assert [row[2] for row in rows] == (whole.abs() > SCALE_LARGE).tolist()
        if random is not None:
            noise = torch.full_like(tensor, random)
            rounded = rounding.stochastic_int8(tensor.clone(), noise, 0, (-4, 4))
            assert rounded.values.tolist() == [row[0] for row in rows]


def test_where_errors_pass() -> None:
    assert [v for v in range(-127, 128) if maps.passes(v, True)] == [*range(1, 127)]
    assert [v for v in range(-127, 128) if maps.passes(v, False)] == [*range(-126, 127)]


@pytest.mark.parametrize("exponent", range(30))
def test_groups_come_back_from_their_bytes(exponent: int) -> None:
    for values in itertools.product((0, 1, -1, 31, -31), repeat=maps.GROUP):
        packed = maps.pack_group(values, exponent)
        assert all(0 <= byte < 256 for byte in packed)
        assert maps.unpack_group(packed) == ([*values], exponent)


def test_the_bytes_of_a_group() -> None:
    assert maps.pack_group([1, -2, 31, 0], 0b10110) == [0x81, 0x62, 0x5F, 0x00]
    assert NORM_FORMAT.forward.exponent_bits <= maps.GROUP * maps.EXPONENT_SHARE
