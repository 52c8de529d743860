"""Pool: sums of interleaved channels, rounded. Latency `POOL`, one slice per cycle."""

from dataclasses import replace
from typing import Any

import pytest

from golden.spec import latency
from golden.spec.formats import round_shift, saturate
from hw.writeback.pool import Pool
from tests.hw.bench import NANO, join, pipeline, seeded, some


@pytest.mark.parametrize("width", [1, 2, 4])
@pytest.mark.parametrize("bubbles", [0.0, 0.5])
def test_interleaved_channels(width: int, bubbles: float) -> None:
    rng = seeded(width)
    config = replace(NANO, engines=2, basis=width)
    channels = config.engines * config.accumulators
    for shift in range(0, 16, 3):
        inputs: list[dict[str, int]] = []
        expected: list[int | None] = []
        sums: dict[int, int] = {}
        for _ in range(300):
            values = [some(rng, -128, 127) for _ in range(width)]
            # The same channel often follows itself.
            index = rng.choice([0, 0, 1, rng.randrange(channels)])
            first = index not in sums or rng.random() < 0.05
            word = {"i": join(values, 8), "index": index, "first": first, "shift": shift}
            valid = rng.random() >= bubbles
            inputs.append(word | {"valid": valid})
            if valid:
                sums[index] = (0 if first else sums[index]) + sum(values)
                expected.append(saturate(round_shift(sums[index], shift)))
            else:
                expected.append(None)
        dut = Pool(config)

        def read(ctx: Any, dut: Any = dut) -> Any:
            return ctx.get(dut.o)

        results = pipeline(dut, inputs, latency.POOL, read)
        for result, right in zip(results, expected, strict=True):
            assert right is None or result == right


def test_the_largest_map_does_not_overflow() -> None:
    """1,023 tiles of 64 lanes, all −128."""
    config = replace(NANO, lanes=64, basis=64)
    dut = Pool(config)
    word = join([-128] * 64, 8)
    inputs = [{"i": word, "first": number == 0, "valid": 1, "shift": 15} for number in range(1023)]
    results = pipeline(dut, inputs, latency.POOL, lambda ctx: ctx.get(dut.o))
    right = [saturate(round_shift(-128 * 64 * (number + 1), 15)) for number in range(1023)]
    assert results == right
    assert min(right) == -128
