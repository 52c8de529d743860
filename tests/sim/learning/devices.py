"""A small device that learns, networks for it, and the exchange that compares it with golden step by step."""

from collections.abc import Iterator

import numpy as np
import torch

from golden.device import Exchange, device_step, load_device, read_codes
from golden.device.plan import StepPlan
from golden.learning import Layer, Network, State, step
from golden.learning.random import Generators
from golden.learning.update import Rates
from golden.spec.config import Config
from golden.spec.learning import ArrayShape, Generator

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


def differences(found: State, right: State) -> list[str]:
    """What of the device's state is not golden's; of the generators only that of the host."""
    names = []
    for index, (a, b) in enumerate(zip(found.layers, right.layers, strict=True)):
        names += [
            f"layer {index}: {name}" for name in vars(b) if not _same(getattr(a, name), getattr(b, name))
        ]
    names += [
        f"head: {name}"
        for name in vars(right.head)
        if not _same(vars(found.head)[name], vars(right.head)[name])
    ]
    scalars = Generator.SCALARS
    if found.generators[scalars] != right.generators[scalars] or found.steps != right.steps:
        names.append("generator or steps")
    return names


def _same(a: object, b: object) -> bool:
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, int):
        return a == b
    return bool(np.array_equal(a.mantissa, b.mantissa) and np.array_equal(a.exponent, b.exponent))  # type: ignore[attr-defined]


def compared(
    plan: StepPlan, state: State, batches: Iterator[tuple[torch.Tensor, torch.Tensor]], rates: list[Rates]
) -> Exchange:
    """Steps on the device; fails at the first whose state is not golden's."""
    right = state
    state = yield from load_device(plan, state)
    generators = Generators(state.generators)
    for number, (rate, (images, labels)) in enumerate(zip(rates, batches, strict=False)):
        right, said = step(plan.network, right, images, labels, rate)
        state, told = yield from device_step(plan, state, images, labels, rate, generators)
        state = yield from read_codes(plan, state)
        wrong = differences(state, right)
        assert not wrong, f"step {number}: {', '.join(wrong)}"
        assert told == said
    return state
