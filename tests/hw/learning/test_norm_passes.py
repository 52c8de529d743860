"""NormPasses: maps, gradients and counts bit for bit, whoever else uses the memory; cycles as golden says."""

from typing import Any

import pytest

from golden.cycles.norm import norm_cycles
from golden.spec.config import Config
from hw.learning.norm_passes import NormPasses
from tests.hw.bench import seeded, simulate
from tests.hw.learning.layers import Bench, layer


def sizes(lanes: int) -> Config:
    return Config(
        name="norms", engines=1, lanes=lanes, accumulators=4, basis=4, feature_words=256, filter_words=16
    )


SHAPES = {
    "alone": (1, 1, True, False, False),
    "one word": (2, 1, False, True, True),
    "two channels": (2, 3, True, False, False),
    "three channels": (3, 2, False, True, False),
    "many words": (2, 30, False, False, True),
    "many back": (2, 30, True, False, False),
}
"""Channels, words, backward, add, relu."""


@pytest.mark.parametrize("lanes", [4, 16])
@pytest.mark.parametrize("stall", [0.0, 0.3])
def test_layers(lanes: int, stall: float) -> None:
    rng = seeded(lanes)
    config = sizes(lanes)
    dut = NormPasses(config)

    async def bench(ctx: Any) -> None:
        it = Bench(dut, config, rng, stall)
        for channels, words, backward, add, relu in SHAPES.values():
            case = layer(rng.getrandbits(32), config, channels, words, backward, add, relu)
            cycles = await it.run(ctx, case)
            if not stall:
                assert cycles == norm_cycles(config, channels, words, backward, add)

    simulate(dut, bench)
