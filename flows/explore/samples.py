"""The configurations that the area model is fitted to, and those that judge it."""

from dataclasses import replace
from typing import Any

from golden.spec.config import SMALL, TINY, Config


def _sample(
    engines: int, lanes: int, accumulators: int, bits: int, basis: int, base: Config = SMALL, **sizes: Any
) -> Config:
    return replace(
        base,
        name=f"{engines}x{lanes}-a{accumulators}-b{bits}-m{basis}",
        engines=engines,
        lanes=lanes,
        accumulators=accumulators,
        accumulator_bits=bits,
        basis=basis,
        **sizes,
    )


TESTS = (
    _sample(1, 4, 8, 18, 2, TINY),
    _sample(2, 8, 8, 22, 4),
    _sample(3, 8, 16, 24, 8),
    _sample(4, 16, 8, 22, 8),
    _sample(8, 16, 8, 20, 16),
)
"""Fixed before the first fit, and never part of one: the largest has 32 times the shift-adders of the
smallest, and more than four times its area."""

TRAINING = (
    TINY,
    _sample(1, 8, 8, 16, 1, window=8),
    _sample(4, 4, 16, 24, 4, window=32, tap_words=512),
    _sample(1, 16, 8, 22, 16, feature_words=4096),
    _sample(2, 16, 4, 20, 4, coefficient_words=1024),
    _sample(6, 8, 8, 28, 2, term_words=1024, filter_words=256),
    _sample(1, 32, 16, 22, 8),
    SMALL,
)
"""Each size changes at least once; engines and lanes change apart from each other."""

WITH_DSP_TRAINING = (TRAINING[0], TRAINING[2])
WITH_DSP_TESTS = TESTS[:2]
"""Those that are synthesised with DSP blocks, too: one more coefficient needs few, and none is large."""
