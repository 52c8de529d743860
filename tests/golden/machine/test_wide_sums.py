"""Sums beyond what float32 holds exactly, and beyond what the accumulators hold."""

from dataclasses import replace

import numpy as np

from golden.compiler import compile_network
from golden.graph.network import Network
from golden.graph.operations.weights import Plain
from golden.graph.reference import run_network
from golden.machine.run import run_program
from golden.spec.config import TINY
from golden.spec.errors import ErrorCode
from golden.spec.formats import round_shift, saturate
from tests.golden.layers import altered
from tests.golden.small import chain, factored

WIDE = replace(TINY, accumulator_bits=28, coefficient_words=32768, feature_words=2048)


def _odd(sign: int) -> tuple[Network, np.ndarray]:
    """2,048 weights of ±127 and images whose sums are odd, near ±2**25; bias and shift show the last bits."""
    network = chain((512, 2, 2), ("a", 1, (2, 2)))
    layer = network.layers[0]
    images = np.full((40, 512, 2, 2), 127, np.int8)
    rng = np.random.default_rng(1)
    for number in range(40):
        # An odd number of pixels of 126 makes the sum odd, in any order of addition.
        places = rng.choice(images[number].size, 2 * number + 1, replace=False)
        images[number].reshape(-1)[places] = 126
    weights = Plain(np.full((1, 512, 2, 2), sign * 127), np.ones(1, np.int64))
    middle = sign * 127 * (2048 * 127 - 41)
    layer = altered(layer, weights=weights, bias=np.array([-middle]), shift=np.array([6]))
    return replace(network, layers=(layer,)), images


def test_odd_sums_above_two_to_the_24_are_exact() -> None:
    for sign in (1, -1):
        network, images = _odd(sign)
        # With a shift of 0 only sums within an int8 of the bias would show: so each image gets its own.
        for number in range(len(images)):
            one = images[number : number + 1]
            total = sign * 127 * int(one.astype(np.int64).sum())
            assert abs(total) > 1 << 24
            assert total % 2
            layer = altered(network.layers[0], bias=np.array([3 - total]), shift=np.array([0]))
            exact = replace(network, layers=(layer,))
            result = run_program(compile_network(exact, WIDE), one)
            assert result.tensors["a"].item() == 3, f"sum {total}"
            assert run_network(exact, one)["a"].item() == 3
            if number >= 7:
                break
        result = run_program(compile_network(network, WIDE), images)
        np.testing.assert_array_equal(result.tensors["a"], run_network(network, images)["a"])


def test_sums_that_wrap_do_so_as_two_s_complement() -> None:
    """A Program that no compiler makes: sums of 20 bits in accumulators of 16."""
    network = chain((16, 4, 4), ("a", 4, (1, 1), {"kind": "scale"}))
    layer = network.layers[0]
    coefficients = np.full(factored(layer).coefficients.shape, 64)
    coefficients[1::2] = -64
    weights = replace(
        factored(layer), coefficients=coefficients, mask=coefficients != 0, basis=np.full((4, 1, 1), 3)
    )
    layer = altered(layer, weights=weights, bias=np.arange(4) * 1000, shift=np.full(4, 9))
    network = replace(network, layers=(layer,))
    program = compile_network(network, TINY)
    program = replace(program, config=replace(TINY, accumulator_bits=16))
    images = np.random.default_rng(2).integers(-128, 128, (8, 16, 4, 4)).astype(np.int8)
    images[0], images[1] = -128, 127
    result = run_program(program, images)
    assert result.error == ErrorCode.NONE
    wrapped = 0
    for image, filter_, y, x in np.ndindex(8, 4, 4, 4):
        total = 0
        for channel in range(16):
            total += int(coefficients[filter_, channel].item()) * int(images[image, channel, y, x])
        stored = (total + 2**15) % 2**16 - 2**15
        wrapped += stored != total
        right = saturate(round_shift(3 * stored + 1000 * filter_, 9))
        assert result.tensors["a"][image, filter_, y, x] == right, (image, filter_, y, x)
    assert wrapped > 100
