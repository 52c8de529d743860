"""The area model: its least squares, its RAMs against Yosys, its kept file."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flows.explore.area import (
    BLOCK_RAM_SITES,
    FITTED,
    SAVED,
    TERMS,
    AreaModel,
    dsps_of,
    fit,
    least_squares,
)
from flows.explore.fitted import read_model
from flows.explore.memories import block_rams_of, clocked_rams
from flows.explore.samples import TESTS, TRAINING, WITH_DSP_TRAINING
from golden.spec.config import SMALL, TINY
from golden.spec.errors import LightDealError
from tests.flows.explore.sweep_networks import rng


def test_least_squares_without_a_bound_is_the_normal_one() -> None:
    source = rng(1)
    matrix = source.uniform(0, 1, (12, 4))
    wanted = matrix @ [1.0, 2.0, 0.5, 3.0] + source.normal(0, 1e-3, 12)
    expected = np.linalg.lstsq(matrix, wanted, rcond=None)[0]
    assert least_squares(matrix, wanted) == pytest.approx(expected, rel=1e-6)


def test_least_squares_never_goes_below_zero_and_is_a_minimum() -> None:
    source = rng(2)
    matrix = source.uniform(0, 1, (12, 4))
    wanted = matrix @ [1.0, -2.0, 0.5, 3.0]
    found = least_squares(matrix, wanted)
    assert (found >= 0).all()
    assert found[1] == 0
    gradient = matrix.T @ (matrix @ found - wanted)
    assert gradient[found > 0] == pytest.approx(0, abs=1e-8)
    assert (gradient[found == 0] >= -1e-8).all()


def test_a_fit_finds_the_coefficients_that_made_the_sizes() -> None:
    made = AreaModel({name: 0.5 + number for number, name in enumerate((*FITTED, SAVED))})
    with_dsp = {config: made.sites(config, dsp=True) for config in WITH_DSP_TRAINING}
    found = fit(TRAINING, [made.sites(config) for config in TRAINING], with_dsp)
    for config in (*TRAINING, *TESTS):
        for dsp in (False, True):
            assert found.sites(config, dsp) == pytest.approx(made.sites(config, dsp), rel=1e-3)


def test_parts_add_up_and_area_counts_block_rams() -> None:
    model = AreaModel(dict.fromkeys((*FITTED, SAVED), 1.0))
    assert set(model.parts(SMALL)) == set(TERMS)
    rams = clocked_rams(SMALL).block_rams
    assert model.area(SMALL) == pytest.approx(sum(model.parts(SMALL).values()) + rams * BLOCK_RAM_SITES)
    # 16 products of 22 by 8 bits, each four rows and three adders.
    assert model.sites(SMALL) - model.sites(SMALL, dsp=True) == 16 * 7 * 24


def test_a_product_wider_than_a_dsp_block_takes_two() -> None:
    assert [dsps_of(replace(SMALL, basis=4, accumulator_bits=bits)) for bits in (18, 19)] == [4, 8]


@pytest.mark.parametrize(
    ("words", "bits", "expected"), [(2048, 8, 1), (2048, 18, 2), (256, 37, 2), (4096, 18, 4), (16384, 1, 1)]
)
def test_block_rams_of_known_shapes(words: int, bits: int, expected: int) -> None:
    assert block_rams_of(words, bits) == expected


def test_small_memories_lie_in_lut_rams() -> None:
    few = clocked_rams(TINY)
    many = clocked_rams(replace(TINY, instructions=64))
    assert few.lut_rams > 0 == many.lut_rams
    assert many.block_rams > few.block_rams


def test_a_missing_or_foreign_model_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(LightDealError, match=r"cannot be read.*make it with `lightdeal area`"):
        read_model(tmp_path / "none.json")
    (tmp_path / "other.json").write_text("[]")
    with pytest.raises(LightDealError, match=r"other.json: not a fitted model.*`lightdeal area`"):
        read_model(tmp_path / "other.json")
    (tmp_path / "other.json").write_text('{"coefficients": {"control": 1')
    with pytest.raises(LightDealError, match=r"other.json: not JSON.*`lightdeal area`"):
        read_model(tmp_path / "other.json")
    (tmp_path / "other.json").write_text('{"coefficients": {"control": 1}}')
    with pytest.raises(LightDealError, match=r"other.json: 'stream' is missing.*`lightdeal area`"):
        read_model(tmp_path / "other.json")
