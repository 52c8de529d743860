"""The largest last map that a step's head can walk through."""

from dataclasses import replace

import pytest

from golden.device.plan import plan_step
from golden.learning import Layer, Network, fresh_state
from golden.spec.controller import WALK_LANE_BITS
from golden.spec.errors import CapacityError
from golden.spec.learning import ArrayShape
from tests.sim.learning.devices import CONFIG

WIDE = replace(CONFIG, lanes=16, feature_words=8192, tap_words=8192)


def plan(height: int, width: int, images: int = 2) -> None:
    """Of a step whose last map has this shape."""
    array = ArrayShape(WIDE.engines, WIDE.lanes, WIDE.accumulators)
    network = Network((1, height, width), (Layer("a", 0, 1, 1),), classes=2, array=array)
    plan_step(network, fresh_state(network, 1), images, WIDE)


@pytest.mark.parametrize(("height", "width", "images"), [(4, 1020, 2), (12, 340, 2), (64, 64, 2)])
def test_a_last_map_that_the_walk_can_count(height: int, width: int, images: int) -> None:
    plan(height, width, images)


@pytest.mark.parametrize(("height", "width", "images"), [(65, 64, 2), (9, 456, 2), (4, 1023, 4)])
def test_a_last_map_of_too_many_pixels_is_told(height: int, width: int, images: int) -> None:
    most = 1 << WALK_LANE_BITS
    text = (
        f"^head: an image of the last map has {height * width} pixels; legal here: up to {most - 16}, "
        f"or {most}, which ends with a word$"
    )
    with pytest.raises(CapacityError, match=text):
        plan(height, width, images)
