"""NormPasses: maps, gradients and counts bit for bit, whoever else uses the memory; cycles as golden says."""

from typing import Any

import pytest

from golden.spec.config import Config
from hw.learning.norm_passes import NormPasses
from tests.hw.bench import seeded, simulate
from tests.hw.learning.layers import Bench, layer


def sizes(lanes: int) -> Config:
    return Config(
        name="norms", engines=1, lanes=lanes, accumulators=4, basis=4, feature_words=256, filter_words=16
    )


SHAPES = {
    "one word": (1, 1),
    "two channels": (2, 3),
    "three channels": (3, 2),
    "many words": (2, 40),
}


@pytest.mark.parametrize("lanes", [4, 16])
@pytest.mark.parametrize("stall", [0.0, 0.3])
def test_layers(lanes: int, stall: float) -> None:
    rng = seeded(lanes)
    config = sizes(lanes)
    dut = NormPasses(config)

    async def bench(ctx: Any) -> None:
        it = Bench(dut, config, rng, stall)
        for channels, words in SHAPES.values():
            for backward, add, relu in ((False, False, True), (True, False, False), (False, True, False)):
                cycles = await it.run(
                    ctx, layer(rng.getrandbits(32), config, channels, words, backward, add, relu)
                )
                print(channels, words, backward, add, cycles)

    simulate(dut, bench)
