"""The channel's arithmetic of the backward pass equals the model, for every kind of channel."""

import pytest

from golden.lightnorm import scalars
from golden.spec import block
from hw.lightnorm.backward_words import BackwardWords
from tests.hw.bench import seeded
from tests.hw.lightnorm.drive import run_streams
from tests.hw.lightnorm.samples import CHANNELS, GAMMA, sample
from tests.hw.lightnorm.scalar_numbers import as_number, constant, numbers

SLOWEST = 450
"""Cycles of a channel."""


@pytest.mark.parametrize("name", block.PRESETS)
@pytest.mark.parametrize(("values", "wanted", "stall"), [(2, 1, 0.0), (61, 1, 0.3), (130, 8, 0.0)])
def test_words(name: str, values: int, wanted: int, stall: float) -> None:
    rng = seeded(values)
    fmt = block.PRESETS[name]
    case = sample(values, values, wanted, fmt)
    x, dy = case.x.integers(), case.dy.integers()
    gamma = numbers(scalars.from_floats(GAMMA))
    mean, scale = numbers(case.found.mean), numbers(case.found.scale)
    inputs = []
    for index in range(CHANNELS):
        largest = max(abs(int(error)) for error in dy[index])
        sums = {"total": sum(dy[index]), "product": sum(x[index] * dy[index]), "top": largest.bit_length()}
        inputs.append({"sums": sums, "gamma": gamma[index], "mean": mean[index], "scale": scale[index]})
    host = case.constants
    ports = {"inverse": constant(host.inverse), "spread": constant(host.spread)}
    results, cycles = run_streams(BackwardWords(fmt, 10), {"i": inputs}, {"o": CHANNELS}, rng, stall, ports)
    for key, values_right in (
        ("d_gamma", case.gradients.gamma),
        ("d_beta", case.gradients.beta),
        ("spike", case.gradients.spike),
    ):
        assert [as_number(result[key]) for result in results["o"]] == numbers(values_right)
    for index, result in enumerate(results["o"]):
        right = {key: int(column[index]) for key, column in vars(case.grad).items()}
        right["mean"] &= (2 << fmt.gradient_window) - 1
        assert {key: int(result.words[key]) for key in right} == right
    if not stall:
        print(f"{cycles / CHANNELS} cycles a channel")
        assert cycles <= CHANNELS * SLOWEST
