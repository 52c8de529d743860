"""A memory that a network just fills is not refused, and no table is shared that is not the same."""

from dataclasses import replace

import numpy as np
import pytest

from golden.compiler import compile_network
from golden.compiler.contents import Memories
from golden.graph.network import Network
from golden.graph.reference import run_network
from golden.machine.run import run_program
from golden.spec.config import TINY, Config
from golden.spec.errors import CapacityError
from tests.golden.networks import random_images
from tests.golden.small import chain

_FULL = {
    "instructions": (chain((1, 1, 1), *((f"l{i}", 1, (1, 1)) for i in range(15))), TINY),
    "tap_words": (chain((1, 16, 16), ("a", 2, (1, 1))), replace(TINY, tap_words=64)),
    "filter_words": (chain((1, 1, 1), ("a", 64, (1, 1), {"kind": "scale"})), replace(TINY, filter_words=64)),
    "term_words": (chain((1, 1, 1), ("a", 64, (1, 1), {"kind": "group4"})), replace(TINY, term_words=256)),
    "feature_words": (chain((1, 16, 16), ("a", 1, (1, 1))), replace(TINY, feature_words=128)),
}


@pytest.mark.parametrize("field", _FULL)
def test_a_memory_that_is_just_full_does(field: str) -> None:
    network, config = _FULL[field]
    images = random_images(np.random.default_rng(0), network, 1)
    result = run_program(compile_network(network, config), images)
    np.testing.assert_array_equal(
        result.tensors[network.output], run_network(network, images)[network.output]
    )
    smaller = replace(config, **{field: getattr(config, field) // 2})
    with pytest.raises(CapacityError, match=field):
        compile_network(network, smaller)


def _coefficients(network: Network, config: Config) -> int:
    return max(len(words) for words in compile_network(network, config).coefficients)


def test_a_coefficient_memory_that_is_just_full_does() -> None:
    sizes = [
        _coefficients(chain((channels, 1, 1), ("a", 8, (1, 1), {"kind": "scale", "seed": 3})), TINY)
        for channels in range(1, 24)
    ]
    full = [channels for channels, words in enumerate(sizes, 1) if words in (4, 8, 16, 32, 64)]
    assert full, sizes
    for channels in full:
        network = chain((channels, 1, 1), ("a", 8, (1, 1), {"kind": "scale", "seed": 3}))
        config = replace(TINY, coefficient_words=sizes[channels - 1])
        assert _coefficients(network, config) == config.coefficient_words


def test_tap_tables_that_begin_alike_lie_apart() -> None:
    memories = Memories(TINY)
    first = [(15, 4 * tile) for tile in range(8)]
    assert memories.add_taps(first) == 0
    assert memories.add_taps(first) == 0
    for length in range(1, 8):
        other = [*first[:length], (1, 9), *first[length + 1 :]]
        address = memories.add_taps(other)
        assert address == 8 * length
        assert len(memories.taps) == address + 8
