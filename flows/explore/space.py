"""The configurations that a sweep may visit, and the order in which it does."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from golden.spec.config import Config

ENGINES = (1, 2, 3, 4, 6, 8)
LANES = (4, 8, 16, 32)
ACCUMULATORS = (4, 8, 16)
ACCUMULATOR_BITS = (19, 20, 22, 24)
BASIS = (1, 2, 4, 8, 16)
WINDOW = (8, 16, 32)
FEATURE_BYTES = (8192, 16384, 32768)
"""Bytes of the feature memory, shared by the lanes."""
COEFFICIENT_WORDS = (4096, 8192, 16384, 32768)
"""Words of the coefficient memories, shared by the engines; rounded up to a power of two each."""
TABLE_WORDS = (256, 512, 1024)
"""Words of the tap and filter memories; the term memory has four times as many."""
INSTRUCTIONS = (16, 64)


@dataclass(frozen=True)
class Point:
    """A trained network, by name, on a configuration."""

    network: str
    config: Config


def draw_points(networks: Sequence[str], count: int, seed: int) -> list[Point]:
    """`count` different points, each axis drawn evenly; a larger count only appends to a smaller one.

    Parameters
    ----------
    networks: names of the trained networks.
    """
    found: dict[Point, None] = {}
    for point in _draws(networks, random.Random(seed)):
        found[point] = None
        if len(found) == count:
            break
    return list(found)


def _draws(networks: Sequence[str], source: random.Random) -> Iterator[Point]:
    while True:
        engines, lanes = source.choice(ENGINES), source.choice(LANES)
        coefficient_words = -(-source.choice(COEFFICIENT_WORDS) // engines)
        tables = source.choice(TABLE_WORDS)
        sizes: dict[str, Any] = {
            "accumulators": source.choice(ACCUMULATORS),
            "accumulator_bits": source.choice(ACCUMULATOR_BITS),
            "basis": source.choice([basis for basis in BASIS if basis <= lanes]),
            "window": source.choice(WINDOW),
            "feature_words": source.choice(FEATURE_BYTES) // lanes,
            "coefficient_words": 1 << (coefficient_words - 1).bit_length(),
            "tap_words": tables,
            "term_words": 4 * tables,
            "filter_words": tables,
            "instructions": source.choice(INSTRUCTIONS),
        }
        name = f"{engines}x{lanes}"
        yield Point(source.choice(networks), Config(name, engines, lanes, **sizes))
