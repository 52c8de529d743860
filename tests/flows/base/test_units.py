"""Units by name."""

import pytest

from flows.base.units import NORM_FORMAT, NORM_SPIKES, UNITS, make_unit
from flows.studies.lightnorm.area import NORMS
from flows.studies.lightnorm.settings import CHOSEN
from golden.spec.config import TINY
from golden.spec.errors import LightDealError


def test_the_norm_that_is_built_is_the_one_that_training_chose() -> None:
    options = CHOSEN.options()
    assert (options.format, options.spikes) == (NORM_FORMAT, NORM_SPIKES)


def test_norms_that_are_compared_are_units() -> None:
    assert set(NORMS) <= set(UNITS)


def test_what_learns_wants_a_configuration_that_learns() -> None:
    with pytest.raises(
        LightDealError, match=r"unit 'update' learns, configuration 'tiny' does not; .*small-l"
    ):
        make_unit("update", TINY)
