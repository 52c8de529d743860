"""Bytes of a device that a step uses: against the sizes of its configuration."""

from dataclasses import replace

from golden.device.plan import plan_step
from golden.device.used import used_bytes
from golden.learning import fresh_state
from golden.spec.learning import GRADIENT_BITS
from hw.learning.parameter_memory import kept_layout
from tests.sim.learning.devices import CONFIG, NETWORK


def test_no_memory_is_used_beyond_its_depth() -> None:
    """A memory that is one word or one power of two smaller than what is counted is refused elsewhere."""
    plan = plan_step(NETWORK, fresh_state(NETWORK, 1), 4, CONFIG)
    found = used_bytes(plan)
    assert 0 < found["features"] <= CONFIG.feature_words * CONFIG.lanes
    entries = 2 * plan.engines.pairs * CONFIG.engines
    assert found["coefficients"] * 8 % entries == 0
    assert found["gradients"] == entries * GRADIENT_BITS // 8
    channels = sum(layer.filters for layer in NETWORK.layers)
    assert found["statistics"] == channels * kept_layout().size / 8
    assert found["parameters"] * 8 % channels == 0


def test_a_larger_batch_takes_more_features_and_no_more_codes() -> None:
    two, eight = (
        used_bytes(plan_step(NETWORK, fresh_state(NETWORK, 1), images, replace(CONFIG, feature_words=2048)))
        for images in (2, 8)
    )
    assert eight["features"] > 3 * two["features"]
    assert eight["coefficients"] == two["coefficients"]
