"""APPLY and GRAD: the model's blocks bit for bit, channel after channel without a pause, with stalls."""

from dataclasses import replace
from typing import Any

import pytest

from golden.lightnorm import unit
from golden.spec import block
from golden.spec.block import Rounding, Spikes
from hw.lightnorm.apply import Apply
from hw.lightnorm.grad import Grad
from tests.hw.bench import seeded
from tests.hw.lightnorm.drive import beats, run_stream, seen
from tests.hw.lightnorm.samples import CHANNELS, sample

FORMATS = {
    "light": block.light(),
    "light32": block.light(32, Rounding.TRUNCATE),
    "wide": block.wide(8),
    "mxint8": block.mxint8(),
    "mixed": replace(block.light(), gradient=block.light(32).gradient, gradient_window=14, spike=3),
}

RUNS = [(4, 0.3), (8, 0.0), (16, 0.2)]
"""Lanes and stalls."""


def held(words: Any, channel: int, window: int) -> dict[str, int]:
    """The words of one channel, the mean cut to the window's modulus."""
    one = {name: int(values[channel]) for name, values in vars(words).items()}
    return {**one, "mean": one["mean"] & ((2 << window) - 1)}


def latency(group: int, lanes: int) -> int:
    """Cycles beside one per beat: the pipeline, and the queue of groups longer than a beat."""
    return 7 if group <= lanes else 8 + group // lanes


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(("lanes", "stall"), RUNS)
def test_apply(name: str, lanes: int, stall: float) -> None:
    rng = seeded(lanes)
    fmt = FORMATS[name]
    inputs: list[dict[str, Any]] = []
    right: list[dict[str, Any]] = []
    for seed, (values, wanted) in enumerate(((29, 1), (100, 8))):
        case = sample(seed, values, wanted, fmt)
        for channel in range(CHANNELS):
            words = held(case.apply, channel, fmt.window)
            inputs += [{"beat": beat, "words": words} for beat in beats(case.x, channel, lanes)]
            right += beats(case.y, channel, lanes)
    results, cycles = run_stream(Apply(fmt, lanes), inputs, len(right), rng, stall)
    assert [seen(result.beat) for result in results] == right
    if not stall:
        assert cycles <= len(inputs) + latency(fmt.forward.group, lanes)


@pytest.mark.parametrize("name", ["light", "wide", "mixed"])
@pytest.mark.parametrize(("lanes", "stall"), RUNS)
@pytest.mark.parametrize("spikes", list(Spikes))
def test_grad(name: str, lanes: int, spikes: Spikes, stall: float) -> None:
    rng = seeded(lanes)
    fmt = FORMATS[name]
    inputs: list[dict[str, Any]] = []
    right: list[dict[str, Any]] = []
    for seed, (values, wanted) in enumerate(((29, 1), (100, 8))):
        case = sample(seed, values, wanted, fmt, spikes)
        marks = unit.spike_masks(case.found, values)
        for channel in range(CHANNELS):
            words = held(case.grad, channel, fmt.gradient_window)
            for number, beat in enumerate(beats(case.dy, channel, lanes)):
                part = slice(number * lanes, (number + 1) * lanes)
                high, low = (
                    sum(int(bit) << i for i, bit in enumerate(mark[channel, part])) for mark in marks
                )
                inputs.append({"beat": beat, "words": words, "high": high, "low": low})
            right += beats(case.dx, channel, lanes)
    results, cycles = run_stream(Grad(fmt, lanes, spikes), inputs, len(right), rng, stall)
    assert [seen(result.beat) for result in results] == right
    if not stall:
        assert cycles <= len(inputs) + latency(fmt.gradient.group, lanes)
