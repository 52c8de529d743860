"""A Program that no compiler makes, whose partial sums wrap: the hardware wraps as golden does."""

from dataclasses import replace

import numpy as np
import pytest

from golden.compiler import compile_network
from golden.graph.reference import run_network
from golden.machine.run import run_program
from golden.spec.config import TINY
from golden.spec.errors import ErrorCode
from sim.checks.compare import first_mismatch
from sim.run import run
from tests.golden.layers import altered
from tests.golden.networks import random_images
from tests.golden.small import chain, factored


@pytest.mark.parametrize("kind", ["scale", "group", "column"])
def test_partial_sums_that_wrap(kind: str) -> None:
    """Compiled for accumulators of 20 bits, run on 16: nothing else in the words depends on that width."""
    network = chain((6, 4, 4), ("a", 5, (3, 3), {"kind": kind, "padding": 1, "relu": False}))
    layer = network.layers[0]
    old = factored(layer)
    values = np.where(old.mask, 64, 0) * np.where(np.arange(old.mask.size).reshape(old.mask.shape) % 5, 1, -1)
    layer = altered(layer, weights=replace(old, coefficients=values), shift=np.full(5, 14))
    network = replace(network, layers=(layer,))
    program = replace(compile_network(network, TINY), config=replace(TINY, accumulator_bits=16))
    images = random_images(np.random.default_rng(4), network, 2)
    images[0] = -128
    golden = run_program(program, images)
    assert golden.error == ErrorCode.NONE
    right = run_network(network, images)["a"]
    assert np.count_nonzero(golden.tensors["a"] != right) > 10
    result = run(program, images, on="amaranth")
    assert result.error == ErrorCode.NONE
    assert first_mismatch(golden.tensors, result, program) is None
