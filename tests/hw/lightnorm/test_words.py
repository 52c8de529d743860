"""The channel's arithmetic of both passes equals the model, for every kind of channel."""

from typing import Any

import numpy as np
import pytest

from golden.lightnorm import channel, scalars
from golden.spec import block
from golden.spec.block import NormFormat
from hw.lightnorm.words import Words
from tests.hw.bench import seeded
from tests.hw.lightnorm.drive import run_streams
from tests.hw.lightnorm.samples import CHANNELS, GAMMA, Sample, sample
from tests.hw.lightnorm.scalar_numbers import Number, as_number, constant, numbers

ZERO = {"mantissa": 0, "sign": 0, "exponent": 0}
CASES = [(2, 1, 0.0), (61, 1, 0.3), (130, 8, 0.0)]
"""Values of a channel, chunks wanted, stalls."""


def forward_channels(case: Sample, gamma: list[Number], beta: list[Number]) -> list[dict[str, Any]]:
    exact = case.x.integers()
    inputs = []
    for index, (high, low) in enumerate(zip(case.found.highest, case.found.lowest, strict=True)):
        row = exact[index]
        stat = {
            "total": sum(row),
            "ranges": sum(row[high]) - sum(row[low]),
            "width": max(row) - min(row),
        }
        inputs.append({"backward": 0, "sums": {"stat": stat}, "gamma": gamma[index], "beta": beta[index]})
    return inputs


def backward_channels(case: Sample) -> list[dict[str, Any]]:
    x, dy = case.x.integers(), case.dy.integers()
    gamma, mean, scale = (numbers(v) for v in (scalars.from_floats(GAMMA), case.found.mean, case.found.scale))
    inputs = []
    for index in range(CHANNELS):
        top = max(abs(int(error)) for error in dy[index]).bit_length()
        moments = {"total": sum(dy[index]), "product": sum(x[index] * dy[index]), "top": top}
        parameters = {"gamma": gamma[index], "mean": mean[index], "scale": scale[index]}
        inputs.append({"backward": 1, "sums": {"reduce": moments}, **parameters})
    return inputs


def ports(case: Sample) -> dict[str, Number]:
    host = case.constants
    return {name: constant(getattr(host, name)) for name in ("inverse", "spread", "epsilon")}


def check_words(words: Any, right: Any, index: int, window: int, addend: str) -> None:
    expected = {key: int(column[index]) for key, column in vars(right).items()}
    mask = (2 << window) - 1
    assert int(words.mean) & mask == expected.pop("mean") & mask
    assert int(words.addend) == expected.pop(addend)
    assert {key: int(words[key]) for key in expected} == expected


def check_forward(result: Any, case: Sample, words: channel.ApplyWords, index: int, fmt: NormFormat) -> None:
    assert not result.backward
    for key in ("mean", "scale", "spread"):
        assert as_number(result[key]) == numbers(getattr(case.found, key))[index]
    assert result.flat == case.found.flat[index]
    check_words(result.words, words, index, fmt.window, "offset")


def check_backward(result: Any, case: Sample, index: int, fmt: NormFormat) -> None:
    assert result.backward
    for key, right in (("d_gamma", "gamma"), ("d_beta", "beta"), ("spike", "spike")):
        assert as_number(result[key]) == numbers(getattr(case.gradients, right))[index]
    check_words(result.words, case.grad, index, fmt.gradient_window, "spike")


@pytest.mark.parametrize("name", block.PRESETS)
@pytest.mark.parametrize(("values", "wanted", "stall"), CASES)
def test_words(name: str, values: int, wanted: int, stall: float) -> None:
    """Forward and backward channels take turns."""
    rng = seeded(values)
    fmt = block.PRESETS[name]
    case = sample(values, values, wanted, fmt)
    generator = np.random.default_rng(values)
    sizes = 2.0 ** generator.integers(-20, 20, (2, CHANNELS))
    gamma, beta = (scalars.from_floats(row) for row in generator.normal(size=(2, CHANNELS)) * sizes)
    gamma, beta = gamma.where(np.arange(CHANNELS) % 4 != 1), beta.where(np.arange(CHANNELS) % 4 != 3)
    words = channel.apply_words(case.found, gamma, beta, fmt)
    forward = forward_channels(case, numbers(gamma), numbers(beta))
    inputs = [entry for pair in zip(forward, backward_channels(case), strict=True) for entry in pair]
    results, cycles = run_streams(Words(fmt, 10), {"i": inputs}, {"o": len(inputs)}, rng, stall, ports(case))
    for index in range(CHANNELS):
        check_forward(results["o"][2 * index], case, words, index, fmt)
        check_backward(results["o"][2 * index + 1], case, index, fmt)
    print(name, cycles / CHANNELS)
