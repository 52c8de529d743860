"""Packing against `Tensor.position`, pixel by pixel."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from golden.compiler import compile_network
from golden.machine import tensors
from golden.spec.config import TINY
from golden.spec.tensor import Tensor
from tests.golden.networks import random_images, random_network


def _tensor(
    shape: tuple[int, int, int], degree: tuple[int, int], gap: int, address: int, extra: int, lanes: int
) -> Tensor:
    """A tensor with `gap` pixels between rows and `extra` words between channels."""
    pitch = -(-shape[2] // degree[1]) + gap
    tensor = Tensor("t", shape, degree, pitch, address, 0, 1.0)
    return replace(tensor, stride=tensor.words(lanes) + extra)


_TENSORS = st.builds(
    lambda c, h, w, degree, gap, address, extra, lanes: (
        _tensor((c, h, w), degree, gap, address, extra, lanes),
        lanes,
    ),
    *(st.integers(1, 7) for _ in range(3)),
    st.tuples(st.integers(1, 4), st.integers(1, 4)),
    st.integers(0, 3),
    st.integers(0, 9),
    st.integers(0, 2),
    st.sampled_from([2, 4, 16]),
)


@given(_TENSORS, st.integers(0, 2**31))
def test_every_pixel_lies_where_the_layout_says(case: tuple[Tensor, int], seed: int) -> None:
    tensor, lanes = case
    values = np.random.default_rng(seed).integers(-128, 128, (2, *tensor.shape)).astype(np.int8)
    words = tensors.pack_tensor(values, tensor, lanes)
    assert words.shape == (2, tensors.extent(tensor, lanes), lanes)
    last, _ = tensor.position(tensor.shape[0] - 1, 0, 0, lanes)
    assert tensors.extent(tensor, lanes) == last + tensor.words(lanes) - tensor.address
    used = set()
    for c, y, x in np.ndindex(tensor.shape):
        word, lane = tensor.position(c, y, x, lanes)
        used.add((word, lane))
        assert words[:, word - tensor.address, lane].tolist() == values[:, c, y, x].tolist()
        assert tensors.positions(tensor, lanes)[c, y, x] == word * lanes + lane
    assert len(used) == values[0].size
    assert np.abs(words.astype(int)).sum() == np.abs(values.astype(int)).sum()
    np.testing.assert_array_equal(tensors.unpack_tensor(words, tensor, lanes), values)
    memory = np.zeros((2, tensor.address + words.shape[1] + 3, lanes), np.int8)
    memory[:, tensor.address : tensor.address + words.shape[1]] = words
    np.testing.assert_array_equal(tensors.read_tensor(memory, tensor), values)


def test_neighbours_of_a_stride_are_neighbours_in_memory() -> None:
    tensor = Tensor("t", (1, 8, 8), (2, 2), 4, 0, 16, 1.0)
    first, second = (tensor.position(0, 3, x, 4) for x in (1, 3))
    assert first[0] * 4 + first[1] + 1 == second[0] * 4 + second[1]


def test_images_and_results() -> None:
    rng = np.random.default_rng(8)
    network = random_network(rng, TINY)
    program = compile_network(network, TINY)
    images = random_images(rng, network, 3)
    words = tensors.image_words(program, images)
    assert words.dtype == np.int8
    np.testing.assert_array_equal(
        tensors.unpack_tensor(words, program.tensor(program.input), TINY.lanes), images
    )
    result = program.tensor(program.output)
    values = rng.integers(-128, 128, (3, *result.shape)).astype(np.int8)
    stream = tensors.pack_tensor(values, result, TINY.lanes)
    np.testing.assert_array_equal(tensors.result_tensors(program, stream)[result.name], values)
    with pytest.raises(ValueError, match=r"^result of shape \(3, \d+, 4\); expected \(images, \d+, 4\)$"):
        tensors.result_tensors(program, np.concatenate([stream, stream], axis=1))


def test_refusals_name_the_tensor() -> None:
    tensor = Tensor("image", (1, 2, 2), (1, 1), 2, 0, 1, 1.0)
    with pytest.raises(
        ValueError,
        match=r"^tensor 'image': got int64 of shape \(1, 1, 2, 2\); expected int8 of shape \(images, 1, ",
    ):
        tensors.pack_tensor(np.zeros((1, 1, 2, 2), np.int64), tensor, 4)


def test_quantise_rounds_half_to_even_and_saturates() -> None:
    values = np.array([0.25, 0.75, -0.25, -0.75, 1.2, 1000.0, -1000.0])
    assert tensors.quantise(values, 0.5).tolist() == [0, 2, 0, -2, 2, 127, -128]
    assert tensors.quantise(values, 0.5).dtype == np.int8


def test_values_that_are_not_finite_are_refused() -> None:
    values = np.zeros((3, 2, 2, 2), np.float32)
    values[1, 0, 1, 0], values[2, 1, 1, 1] = np.nan, -np.inf
    with pytest.raises(tensors.NotFiniteError) as error:
        tensors.quantise(values, 0.5)
    assert str(error.value) == (
        "2 of 24 values are not finite, the first at index (1, 0, 1, 0); supported: finite numbers"
    )


def test_images_of_another_range_are_told() -> None:
    """Up to a hundredth of the values may saturate without a word."""
    network = random_network(np.random.default_rng(3), TINY)
    feature = replace(network.features[network.input], scale=0.25)
    program = compile_network(replace(network, features=network.features | {network.input: feature}), TINY)
    images = np.full((25, *feature.shape), 31.75, np.float32)
    flat = images.reshape(-1)
    flat[: flat.size // 100] = 40
    flat[-1] = -32
    assert tensors.clipped_share(images, 0.25) == pytest.approx(0.01, abs=0.001)
    assert (tensors.input_tensor(program, images) == tensors.quantise(images, 0.25)).all()
    flat[: flat.size // 50] = 40
    with pytest.warns(
        UserWarning, match=r"images: 2\.00% of the values saturate: the program takes -32…31\.75"
    ):
        inputs = tensors.input_tensor(program, images)
    assert inputs.reshape(-1)[0] == 127
