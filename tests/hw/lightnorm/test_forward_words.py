"""The channel's arithmetic of the forward pass equals the model, for every kind of channel."""

import numpy as np
import pytest

from golden.lightnorm import channel, scalars
from golden.spec import block
from hw.lightnorm.forward_words import ForwardWords
from tests.hw.bench import seeded
from tests.hw.lightnorm.drive import run_streams
from tests.hw.lightnorm.samples import CHANNELS, sample
from tests.hw.lightnorm.scalar_numbers import as_number, constant, number

SLOWEST = 250
"""Cycles of a channel."""


@pytest.mark.parametrize("name", block.PRESETS)
@pytest.mark.parametrize(("values", "wanted", "stall"), [(2, 1, 0.0), (61, 1, 0.3), (130, 8, 0.0)])
def test_words(name: str, values: int, wanted: int, stall: float) -> None:
    rng = seeded(values)
    fmt = block.PRESETS[name]
    case = sample(values, values, wanted, fmt)
    generator = np.random.default_rng(values)
    sizes = 2.0 ** generator.integers(-20, 20, (2, CHANNELS))
    gamma, beta = (scalars.from_floats(row) for row in generator.normal(size=(2, CHANNELS)) * sizes)
    gamma, beta = gamma.where(np.arange(CHANNELS) % 4 != 1), beta.where(np.arange(CHANNELS) % 4 != 3)
    words = channel.apply_words(case.found, gamma, beta, fmt)
    exact = case.x.integers()
    places = zip(case.found.highest, case.found.lowest, strict=True)
    inputs = []
    for index, (high, low) in enumerate(places):
        row = exact[index]
        sums = {
            "total": sum(row),
            "ranges": sum(row[high]) - sum(row[low]),
            "width": max(row) - min(row),
        }
        parameters = [number(int(p.mantissa[index]), int(p.exponent[index])) for p in (gamma, beta)]
        inputs.append({"sums": sums, "gamma": parameters[0], "beta": parameters[1]})
    host = case.constants
    ports = {
        "inverse": constant(host.inverse),
        "spread": constant(host.spread),
        "epsilon": constant(host.epsilon),
    }
    results, cycles = run_streams(ForwardWords(fmt, 10), {"i": inputs}, {"o": CHANNELS}, rng, stall, ports)
    for index, result in enumerate(results["o"]):
        for key in ("mean", "scale", "spread"):
            found = getattr(case.found, key)
            assert as_number(result[key]) == number(int(found.mantissa[index]), int(found.exponent[index]))
        assert result.flat == case.found.flat[index]
        right = {key: int(column[index]) for key, column in vars(words).items()}
        right["mean"] &= (2 << fmt.window) - 1
        assert {key: int(result.words[key]) for key in right} == right
    if not stall:
        assert cycles <= CHANNELS * SLOWEST
