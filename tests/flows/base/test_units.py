"""Units by name."""

from flows.base.units import NORM_FORMAT, NORM_SPIKES, UNITS
from flows.studies.lightnorm.area import NORMS
from flows.studies.lightnorm.settings import CHOSEN


def test_the_norm_that_is_built_is_the_one_that_training_chose() -> None:
    options = CHOSEN.options()
    assert (options.format, options.spikes) == (NORM_FORMAT, NORM_SPIKES)


def test_norms_that_are_compared_are_units() -> None:
    assert set(NORMS) <= set(UNITS)
