"""Bytes of a device that a step uses: against the image that a host sends, and sizes that just suffice."""

from collections import Counter
from dataclasses import replace

import pytest

from golden.device import load_device
from golden.device.plan import plan_step
from golden.device.used import used_bytes
from golden.learning import fresh_state
from golden.spec.config import MAX_ENGINES
from golden.spec.errors import CapacityError
from golden.spec.memories import END_SECTION, SECTION, Memory, memory_shape
from hw.learning.parameter_memory import kept_layout
from tests.sim.learning.devices import CONFIG, NETWORK

LOADED = {
    Memory.TAP: "taps",
    Memory.FRONT: "instructions",
    Memory.BACK: "instructions of the drain",
    Memory.COMMAND: "commands",
    Memory.CONTROLLER: "controller's program",
    Memory.COEFFICIENT: "coefficients",
    Memory.COUNTER: "counters",
    Memory.PLACES: "places",
}
OF_ENGINES = (Memory.PLACES, Memory.COUNTER, Memory.COEFFICIENT)


def test_what_is_loaded_is_what_the_host_sends() -> None:
    state = fresh_state(NETWORK, 1)
    plan = plan_step(NETWORK, state, 4, CONFIG)
    image = next(load_device(plan, state)).program
    bits: Counter[int] = Counter()
    at = 2
    while image[at] != END_SECTION:
        memory, count = SECTION.unpack(image[at])["memory"], image[at + 1]
        width = memory_shape(CONFIG, memory).bits
        first = next((it for it in OF_ENGINES if it <= memory < it + MAX_ENGINES), memory)
        bits[first] += width * count
        at += 2 + count * -(-width // 32)
    found = used_bytes(plan)
    assert {name: found[name] for name in LOADED.values()} == {
        name: bits[memory] / 8 for memory, name in LOADED.items()
    }
    # Behind what is loaded lies what lives in a step alone.
    assert found["controller's data"] > bits[Memory.STATE] / 8
    channels = sum(layer.filters for layer in NETWORK.layers)
    assert found["statistics"] == channels * kept_layout().size / 8


def test_features_are_those_of_the_smallest_memory() -> None:
    """Of the powers of two that hold them it is the least that a plan can be made for."""
    words = used_bytes(plan_step(NETWORK, fresh_state(NETWORK, 1), 8, CONFIG))["features"] / CONFIG.lanes
    least = 1 << (int(words) - 1).bit_length()
    plan_step(NETWORK, fresh_state(NETWORK, 1), 8, replace(CONFIG, feature_words=least))
    with pytest.raises(CapacityError, match="feature memory"):
        plan_step(NETWORK, fresh_state(NETWORK, 1), 8, replace(CONFIG, feature_words=least // 2))


def test_a_larger_batch_takes_more_features_and_no_more_codes() -> None:
    two, eight = (
        used_bytes(plan_step(NETWORK, fresh_state(NETWORK, 1), images, replace(CONFIG, feature_words=2048)))
        for images in (2, 8)
    )
    assert eight["features"] > 3 * two["features"]
    assert eight["coefficients"] == two["coefficients"]
