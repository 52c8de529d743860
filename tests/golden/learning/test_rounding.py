"""Tensors against the rules of one number, and which random bits belong to which value."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from golden.learning import Layer, Network, fresh_state, random, rounding
from golden.learning.forward import activated, passes
from golden.learning.planes import by_channel, by_image
from golden.learning.random import Generators
from golden.learning.state import LayerState, seeded_generators
from golden.learning.update import update_codes, update_parameters
from golden.numerics.lfsr import RandomWords
from golden.spec import learning
from golden.spec.learning import ArrayShape, Generator, seeded


def test_powers_for_every_error_and_every_byte() -> None:
    errors = torch.arange(-127, 128, dtype=torch.float32)[:, None].expand(-1, 256).contiguous()
    bytes_ = torch.arange(256, dtype=torch.float32).expand(255, -1)
    expected = [[learning.power_term(error, byte) for byte in range(256)] for error in range(-127, 128)]
    assert rounding.powers(errors, bytes_).tolist() == expected


def test_stochastic_int8_for_every_byte() -> None:
    """The mean over all bytes is the value with its eight fraction bits, exactly."""
    values = torch.arange(-3000, 3001, dtype=torch.float32)
    found = [
        rounding.stochastic_int8(values.clone(), torch.full_like(values, byte), 0, (-9, 9)).values
        for byte in range(256)
    ]
    for byte in (0, 100, 255):
        expected = [learning.stochastic(int(v), 8, byte) for v in values]
        assert found[byte].tolist() == expected
    assert torch.equal(torch.stack(found).sum(0), values)


@pytest.mark.parametrize(("value", "shift", "expected"), [(1, -9, 0), (3, -9, 2), (-3, -9, -2), (5, -1, 640)])
def test_fraction_rounds_to_even(value: int, shift: int, expected: int) -> None:
    assert rounding.fraction(torch.tensor([float(value)]), shift).tolist() == [expected]


def test_fraction_saturates_where_sums_stay_exact() -> None:
    found = rounding.fraction(torch.tensor([1e30, -1e30]), 8)
    assert found.tolist() == [1 << 21, -(1 << 21)]


def test_int8_counts_and_saturates() -> None:
    def made(*values: float) -> rounding.Rounded:
        return rounding.nearest_int8(rounding.fraction(torch.tensor(values), 0), 0, (-9, 9))

    found = made(0.5, 1.5, 127.49, 127.5, -300.0, 63.6)
    assert found.values.tolist() == [0, 2, 127, 127, -127, 64]
    assert found.exponent == 1
    assert made(63.4).exponent == -1
    assert made(63.6).exponent == 0


@pytest.mark.parametrize(("images", "height", "width", "degree"), [(3, 4, 6, 2), (2, 3, 5, 1), (1, 8, 4, 4)])
def test_order_is_that_of_phase_planes(images: int, height: int, width: int, degree: int) -> None:
    x = torch.arange(images * 2 * height * width).reshape(images, 2, height, width)
    found = by_channel(x, degree)
    expected = [
        int(x[image, 1, degree * row + py, degree * column + px])
        for py in range(degree)
        for px in range(degree)
        for image in range(images)
        for row in range(height // degree)
        for column in range(width // degree)
    ]
    assert found[1].tolist() == expected
    assert torch.equal(by_image(found, x.shape, degree), x)


@pytest.mark.parametrize(
    ("channels", "words", "lanes", "together"), [(5, 3, 16, 2), (4, 2, 8, 4), (3, 2, 4, 8), (2, 2, 32, 1)]
)
def test_bytes_follow_the_words_of_the_map(channels: int, words: int, lanes: int, together: int) -> None:
    array = ArrayShape(lanes=lanes)
    found = random.map_bytes(RandomWords(seeded(1)), torch.Size([channels, words * lanes]), array, together)
    state = seeded(1)
    for first in range(0, channels, together):
        for word in range(words):
            for channel in range(first, min(first + together, channels)):
                expected: list[int] = []
                while len(expected) < lanes:
                    state = state.step()
                    expected += [state.last >> 8 * lane & 255 for lane in range(8)]
                assert found[channel, word * lanes :][:lanes].tolist() == expected[:lanes]


def test_scalars_are_the_low_bits_of_a_word_each() -> None:
    found = Generators(seeded_generators(2)).scalars(3, 16).tolist()
    state, expected = seeded(2, Generator.SCALARS), []
    for _ in range(3):
        state = state.step()
        expected.append(state.last & 0xFFFF)
    assert found == expected


def test_walk_goes_round_by_round_engine_by_engine_and_row_by_row() -> None:
    """Two engines of two slots; the first engine of the second round keeps nothing."""
    mask = np.random.default_rng(0).random((9, 2, 3, 3)) < 0.4
    mask[4:6] = False
    found = random.walk(mask, ArrayShape(engines=2, slots=2))
    state = seeded(3)
    places, draws = [], []
    for first in (0, 2, 4, 6, 8):
        here = 0
        for place in range(18):
            for filter_ in range(first, min(first + 2, 9)):
                if mask.reshape(9, 18)[filter_, place]:
                    if here % 4 == 0:
                        state = state.step()
                    places.append(filter_ * 18 + place)
                    draws.append(state.last >> 16 * (here % 4) & 0xFFFF)
                    here += 1
    assert found.places.tolist() == places
    assert found.draw(RandomWords(seeded(3))).tolist() == draws
    # Three filters keep both engines busy with two slots each, not one with all.
    assert ArrayShape(engines=2, slots=8).engine_filters(3) == 2
    assert ArrayShape(engines=2, slots=8).round_filters(40) == 14


GENERATORS = partial(Generators, seeded_generators(9))


def layer_state(codes: torch.Tensor, mask: torch.Tensor, counters: torch.Tensor, level: int) -> LayerState:
    return replace(
        fresh_state(network(4), 0).layers[0], codes=codes, mask=mask, counters=counters, gradient=level
    )


def network(counter_bits: int) -> Network:
    return Network((2, 8, 8), (Layer("a", 0, 4),), counter_bits=counter_bits, array=ArrayShape(2))


@given(st.integers(0, 2**32), st.integers(3, 8), st.integers(-9, 4), st.integers(-14, -2), st.integers(1, 2))
def test_update_is_the_rule_of_one_code(seed: int, bits: int, rate: int, level: int, channels: int) -> None:
    rng = np.random.default_rng(seed)
    shape, bar = (4, 2, 3, 3), 1 << bits - 1
    mask = torch.from_numpy(rng.random(shape) < 0.5)
    ladder = np.concatenate([-(2 ** np.arange(7)), [0], 2 ** np.arange(7)])
    codes = torch.from_numpy(rng.choice(ladder, shape).astype(np.int8)) * mask
    counters = torch.from_numpy(rng.integers(1 - bar, bar, shape).astype(np.int8)) * mask
    sums = torch.from_numpy(rng.integers(-3000, 3000, shape).astype(np.float32))
    before = codes.clone(), counters.clone()
    found = update_codes(
        layer_state(codes, mask, counters, level), sums, -12, channels, rate, network(bits), GENERATORS()
    )
    learn = mask.numpy().copy()
    learn[:, channels:] = False
    order = random.walk(learn, ArrayShape(2))
    places, draws = order.places, order.draw(GENERATORS()[Generator.CODES]).tolist()
    expected_codes, expected_counters = codes.flatten().clone(), counters.flatten().clone()
    for place, draw in zip(places.tolist(), draws, strict=True):
        # −G·2^(bits − 1 + L − g) with 16 fraction bits: Python rounds a fraction's half to even, too.
        fine = round(-float(sums.flatten()[place]) * 2.0 ** (bits - 1 + rate - 12 - level + 16))
        move = max(-2 * bar, min(2 * bar, learning.stochastic(fine, 16, draw)))
        code, counter = learning.switched(
            int(codes.flatten()[place]), int(counters.flatten()[place]), move, bits
        )
        expected_codes[place], expected_counters[place] = code, counter
    assert torch.equal(found.codes.flatten(), expected_codes)
    assert torch.equal(found.counters.flatten(), expected_counters)
    assert found.moved == int((found.codes != codes).sum())
    assert found.kept == int(learn.sum())
    # Nothing outside the mask, and nothing in place.
    assert not found.codes[~mask].any()
    assert not found.counters[~mask].any()
    assert torch.equal(codes, before[0])
    assert torch.equal(counters, before[1])


def test_expected_move_is_against_the_gradient() -> None:
    """Over many seeds the mean move of a counter is −G · 2^(3 + L − g), within five standard errors."""
    sums = torch.linspace(-40, 40, 81)[:, None, None, None]
    codes, mask = torch.full(sums.shape, 4, dtype=torch.int8), torch.ones(sums.shape, dtype=torch.bool)
    counters = torch.zeros(sums.shape, dtype=torch.int8)
    it = layer_state(codes, mask, counters, 6)
    generators = Generators(seeded_generators(11))
    total = torch.zeros(81)
    rounds = 400
    for _ in range(rounds):
        found = update_codes(it, sums, 0, 1, -2, network(6), generators)
        assert torch.equal(found.codes, codes)
        total += found.counters.flatten()
    expected = -sums.flatten() * 2.0 ** (5 - 2 - 6)
    assert (total / rounds - expected).abs().max() < 5 * 0.5 / rounds**0.5
    assert (total * sums.flatten() <= 0).all()


def test_parameters_move_without_bias_and_saturate() -> None:
    values = torch.tensor([0, 100, 32767, -32767], dtype=torch.int16)
    gradients = np.array([0.3, -1.0, -1e30, 1e30])
    generators = Generators(seeded_generators(1))
    found = np.array(
        [update_parameters(values, gradients, 0, 128, 32767, generators).tolist() for _ in range(600)], float
    )
    assert abs(found[:, 0].mean() + 0.15) < 5 * 0.36 / 600**0.5
    assert abs(found[:, 1].mean() - 100.5) < 5 * 0.5 / 600**0.5
    assert (found[:, 2] == 32767).all()
    assert (found[:, 3] == -32767).all()
    still = update_parameters(values, gradients, 0, 0, 32767, generators)
    assert torch.equal(still, values)


@pytest.mark.parametrize("relu", [True, False])
def test_an_error_passes_where_the_map_is_positive_and_not_saturated(relu: bool) -> None:
    layer = Layer("a", 0, 1, relu=relu)
    y = torch.tensor([-5.0, -0.001, 0.0, 0.001, 1.0, 126.49 / 32, 126.51 / 32, 900.0])
    made = activated(rounding.fraction(y, 5), layer, -5)
    if relu:
        assert made.values.tolist() == [0, 0, 0, 0, 32, 126, 127, 127]
        assert passes(made.values, relu).tolist() == [False, False, False, False, True, True, False, False]
    else:
        assert made.values.tolist() == [-127, 0, 0, 0, 32, 126, 127, 127]
        assert passes(made.values, relu).tolist() == [False, True, True, True, True, True, False, False]
    # One of eight values saturates: the scale rises.
    assert made.exponent == -4
