"""A small device that learns, networks for it, and the exchange that compares it with golden step by step."""

from collections.abc import Iterator

import torch

from golden.device import Exchange, device_step, load_device, read_state
from golden.device.compare import differences
from golden.device.plan import StepPlan
from golden.learning import Layer, Network, State, step
from golden.learning.update import Rates
from golden.spec.config import Config
from golden.spec.learning import ArrayShape

CONFIG = Config(
    name="tiny-learning",
    engines=2,
    lanes=4,
    accumulators=8,
    accumulator_bits=22,
    basis=4,
    feature_words=1024,
    coefficient_words=256,
    tap_words=1024,
    term_words=16,
    filter_words=32,
    instructions=64,
    learning=True,
)
ARRAY = ArrayShape(CONFIG.engines, CONFIG.lanes, CONFIG.accumulators)

NETWORK = Network(
    (1, 4, 4),
    (Layer("stem", 0, 2, stride=2), Layer("first", 1, 3), Layer("second", 2, 2, add=1)),
    classes=3,
    array=ARRAY,
)
"""A stride, and an addition of a map that a convolution reads too."""

SHORTCUT = Network(
    (1, 4, 4),
    (
        Layer("stem", 0, 2, stride=2),
        Layer("shortcut", 1, 3, 1, stride=2, relu=False),
        Layer("first", 1, 3, stride=2),
        Layer("second", 3, 3, add=2),
    ),
    classes=2,
    array=ARRAY,
)
"""A pass beside the norm of another layer; errors that go below a stride."""

STRIDES = Network(
    (1, 4, 4),
    (
        Layer("stem", 0, 2),
        Layer("first", 1, 3, stride=2, relu=False),
        Layer("other", 1, 3, 1, stride=2),
        Layer("second", 3, 3, add=2),
        Layer("third", 4, 2, stride=2),
    ),
    classes=2,
    array=ARRAY,
)
"""A stride below another: an error pass in several runs, which adds a map."""


def compared(
    plan: StepPlan, state: State, batches: Iterator[tuple[torch.Tensor, torch.Tensor]], rates: list[Rates]
) -> Exchange:
    """Steps on the device; fails at the first whose state is not golden's."""
    right = state
    yield from load_device(plan, state)
    for number, (rate, (images, labels)) in enumerate(zip(rates, batches, strict=False)):
        right, said = step(plan.network, right, images, labels, rate, plan.scheme)
        told = yield from device_step(plan, images, labels, rate)
        found = yield from read_state(plan, state)
        wrong = differences(found, right)
        assert not wrong, f"step {number}: {', '.join(wrong)}"
        assert told == said
    return right
