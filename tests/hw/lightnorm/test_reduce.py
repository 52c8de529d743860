"""REDUCE: exact sums and the top of dy, channel after channel without a pause, with stalls."""

from dataclasses import replace

import pytest

from golden.spec import block
from hw.lightnorm.reduce import Reduce
from tests.hw.bench import seeded
from tests.hw.lightnorm.drive import beats, run_stream
from tests.hw.lightnorm.samples import CHANNELS, sample

FORMATS = {
    "light": block.light(),
    "light32": block.light(32),
    "wide": block.wide(8),
    "mxint8": block.mxint8(),
    "mixed": replace(block.light(2), gradient=block.light(8).gradient),
}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(("lanes", "stall"), [(4, 0.3), (8, 0.0), (8, 0.3), (16, 0.0)])
@pytest.mark.parametrize("values", [2, 61, 144])
def test_moments(name: str, lanes: int, stall: float, values: int) -> None:
    rng = seeded(lanes + values)
    fmt = FORMATS[name]
    case = sample(values, values, 8, fmt)
    inputs = []
    for channel in range(CHANNELS):
        pairs = zip(beats(case.x, channel, lanes), beats(case.dy, channel, lanes), strict=True)
        inputs += [{"x": x, "dy": dy} for x, dy in pairs]
    results, cycles = run_stream(Reduce(fmt, lanes, 10), inputs, CHANNELS, rng, stall)
    exact_x, exact_dy = case.x.integers(), case.dy.integers()
    for channel, result in enumerate(results):
        x, dy = exact_x[channel], exact_dy[channel]
        assert result.total == sum(dy)
        assert result.product == sum(x * dy)
        assert result.top == max(abs(int(error)) for error in dy).bit_length()
    if not stall:
        assert cycles == len(inputs) + 4
