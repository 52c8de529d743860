"""The cycle model equals the hardware to the cycle, and every write equals golden to the bit."""

from dataclasses import replace

import numpy as np
import pytest

from golden.spec.config import SMALL, TINY, Config
from tests.golden.networks import random_images, random_network
from tests.sim.hardware import check_run

SIZES = replace(TINY, name="sizes", coefficient_words=1024, feature_words=1024, term_words=2048)
OTHERS = [
    replace(SIZES, engines=1, lanes=8, basis=8, window=8, accumulators=16, accumulator_bits=16),
    replace(SIZES, engines=3, lanes=8, basis=4, window=32, accumulators=4, accumulator_bits=32),
    replace(SIZES, engines=2, lanes=8, basis=1, window=64, accumulators=4, accumulator_bits=18),
]
"""Sizes at the ends of their ranges, several in one design: each must be built."""


def _name(config: Config) -> str:
    return (
        f"{config.engines}x{config.lanes}-b{config.basis}-w{config.window}"
        f"-a{config.accumulators}x{config.accumulator_bits}"
    )


def _check(config: Config, seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(rng, config)
    images = random_images(rng, network, 2)
    # In the second image nearly all rows are zero: skipping finds most there.
    images[1] *= rng.random(images[1].shape) < 0.1
    # Pauses of the streams change no cycle of the run.
    check_run(network, config, images, 0.3 * (seed % 2), f"seed {seed}")


@pytest.mark.parametrize(
    ("config", "networks"),
    [(TINY, 15), *(pytest.param(*it, marks=pytest.mark.long) for it in ((TINY, 40), (SMALL, 20)))],
    ids=["tiny", "tiny-more", "small"],
)
def test_presets(config: Config, networks: int) -> None:
    for seed in range(networks):
        _check(config, seed)


@pytest.mark.long
@pytest.mark.parametrize("config", OTHERS, ids=_name)
def test_other_sizes(config: Config) -> None:
    for seed in range(15):
        _check(config, seed)
