"""Many words at a time equal single clocks."""

import numpy as np
import pytest

from golden.numerics.lfsr import RandomWords
from golden.spec.learning import seeded


@pytest.mark.parametrize("count", [0, 1, 2, 126, 127, 128, 191, 254, 255, 256, 1000, 5000])
def test_words_are_those_of_single_clocks(count: int) -> None:
    words = RandomWords(seeded(3))
    found = words.take(count)
    state, expected = seeded(3), []
    for _ in range(count):
        state = state.step()
        expected.append(state.last)
    assert found.tolist() == expected
    assert words.state.last == state.last
    assert words.state.before >> 1 == state.before >> 1


def test_parts_are_the_whole() -> None:
    whole = RandomWords(seeded(4)).take(3000)
    words = RandomWords(seeded(4))
    parts = [words.take(count) for count in (1, 0, 700, 1, 2, 2296)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_bits_are_even() -> None:
    """Each of the 64 bits is set in half of many words, within five standard errors."""
    words = RandomWords(seeded(5)).take(20_000)
    shares = [(words >> np.uint64(bit) & np.uint64(1)).mean() for bit in range(64)]
    assert max(abs(share - 0.5) for share in shares) < 5 * 0.5 / 20_000**0.5
